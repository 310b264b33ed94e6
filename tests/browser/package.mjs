// Checks an emitted package in Node: what its server answers, and how its loader bears faults.
// node package.mjs WEB HASH

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";

import { run } from "./checks.mjs";

const [web, hash] = process.argv.slice(2);
const { loadEngine } = await import(join(web, "dist/loader.js"));
const { digest } = await import(join(web, "dist/sha256.js"));

const file = (name) => readFileSync(join(web, "dist", name));
const manifest = JSON.parse(file("manifest.json"));
const largest = manifest.shards.reduce((a, b) => (b.bytes > a.bytes ? b : a));
const names = [manifest.module, ...manifest.shards].map(({ file }) => file);

/** A server of `dist`, of which a fault may answer in place. */
async function serve(fault, act) {
  const asked = new Map();
  const server = createServer((from, to) => {
    const name = from.url.slice(from.url.lastIndexOf("/") + 1);
    asked.set(name, (asked.get(name) ?? 0) + 1);
    if (!fault({ name, time: asked.get(name), to, from })) to.end(file(name));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await act(`http://127.0.0.1:${server.address().port}/model/`, asked);
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Loads with a fault; gives the error's text, or nothing, and how often each file was asked for. */
const load = (fault, options) =>
  serve(fault, async (url, asked) => {
    const error = await loadEngine(url, options).then(
      ({ engine }) => assert.equal(engine.selfTest(), hash),
      (error) => error,
    );
    return { error: error && `${error.name}: ${error.message}`, asked };
  });

const status = (code, times, which) => ({ name, time, to }) =>
  name === which && time <= times && to.writeHead(code).end("<p>no</p>");
const content = (which, change, times = Infinity) => ({ name, time, to }) =>
  name === which && time <= times && to.end(change(Buffer.from(file(name))));
const flipped = (at) => (bytes) => {
  bytes[Math.floor(at * (bytes.length - 1))] ^= 1;
  return bytes;
};

/** The cache of a browser, as far as the loader goes. */
class Caches {
  #kept = new Map();
  open = async () => ({
    match: async (url) => this.#kept.get(String(url))?.clone(),
    put: async (url, response) => void this.#kept.set(String(url), response),
    delete: async (url) => this.#kept.delete(String(url)),
    keys: async () => [...this.#kept.keys()].map((url) => ({ url })),
  });
  get urls() {
    return [...this.#kept.keys()].sort();
  }
  put(url, bytes) {
    this.#kept.set(url, new Response(bytes));
  }
}

async function withCaches(act) {
  globalThis.caches = new Caches();
  try {
    await act(globalThis.caches);
  } finally {
    delete globalThis.caches;
  }
}

/** Without what pages lack that come over plain HTTP from another machine. */
async function insecure(act) {
  const own = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value: {}, configurable: true });
  try {
    await act();
  } finally {
    Object.defineProperty(globalThis, "crypto", own);
  }
}

/** What the package's own server answers to the first line of a request and headers. */
async function raw(port, text) {
  const socket = connect(port, "127.0.0.1");
  socket.write(`${text}\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  const parts = [];
  for await (const part of socket) parts.push(part);
  return Buffer.concat(parts).toString("latin1");
}

async function withServer(act) {
  const server = spawn("node", [join(web, "serve.mjs"), "0"], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const line = await new Promise((resolve) => server.stdout.once("data", resolve));
    await act(Number(new URL(String(line).trim()).port), server);
  } finally {
    server.kill();
  }
}

function get(port, path, { method = "GET", range } = {}) {
  const headers = range === undefined ? {} : { Range: range };
  return new Promise((resolve, reject) => {
    const asked = request({ host: "127.0.0.1", port, path, method, headers }, async (response) => {
      const parts = [];
      for await (const part of response) parts.push(part);
      resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(parts) });
    });
    asked.on("error", reject).end();
  });
}

const checks = {
  async "a whole package loads, each file once"() {
    const { error, asked } = await load(() => false);
    assert.equal(error, undefined);
    for (const name of ["manifest.json", ...names]) assert.equal(asked.get(name), 1, name);
  },

  async "what passes is tried again"() {
    for (const code of [429, 500, 502, 503, 504]) {
      const { error, asked } = await load(status(code, 1, largest.file));
      assert.equal(error, undefined);
      assert.equal(asked.get(largest.file), 2);
    }
    const { error } = await load(status(503, 2, "manifest.json"));
    assert.equal(error, undefined);
    const broken = await load(content("manifest.json", (bytes) => bytes.subarray(0, bytes.length >> 1), 2));
    assert.equal(broken.error, undefined);
    const cut = await load(content(manifest.module.file, (bytes) => bytes.subarray(0, 1000), 1));
    assert.equal(cut.error, undefined);
    const reset = await load(({ name, time, to }) => name === "manifest.json" && time === 1 && to.destroy());
    assert.equal(reset.error, undefined);
  },

  async "a connection that broke goes on where it broke, and progress counts each byte once"() {
    const bytes = file(largest.file);
    const half = bytes.length >> 1;
    for (const honoured of [true, false]) {
      const ranges = [];
      const fault = ({ name, time, to, from }) => {
        if (name !== largest.file) return false;
        ranges.push(from.headers.range);
        if (time === 1) {
          to.writeHead(200, { "Content-Length": bytes.length });
          to.write(bytes.subarray(0, half), () => setTimeout(() => to.destroy(), 50));
          return true;
        }
        if (!honoured) return false;
        const start = Number(from.headers.range.match(/^bytes=(\d+)-$/)[1]);
        to.writeHead(206, { "Content-Range": `bytes ${start}-${bytes.length - 1}/${bytes.length}` });
        to.end(bytes.subarray(start));
        return true;
      };
      const told = [];
      const { error } = await load(fault, { onProgress: (progress) => told.push(progress) });
      assert.equal(error, undefined);
      assert.equal(ranges.length, 2);
      assert.match(ranges[1], /^bytes=[1-9]\d*-$/);
      const total = [manifest.module, ...manifest.shards].reduce((sum, { bytes }) => sum + bytes, 0);
      assert.equal(told.at(-1).loaded, total);
      for (const progress of told) {
        assert.equal(progress.total, total);
        assert.ok(progress.loaded >= 0 && progress.loaded <= total, JSON.stringify(progress));
      }
    }
  },

  async "who aborts waits no longer, and nothing more is fetched"() {
    for (const which of ["manifest.json", manifest.module.file, largest.file]) {
      const controller = new AbortController();
      const fault = ({ name, to }) => {
        if (name !== which) return false;
        to.writeHead(200);
        to.flushHeaders();
        setTimeout(() => controller.abort(), 50);
        return true;
      };
      const { error, asked } = await load(fault, { signal: controller.signal });
      assert.match(error, /^AbortError: /, which);
      assert.equal(asked.get(which), 1);
    }
  },

  async "what stays is refused, after some attempts at most"() {
    const busy = await load(status(503, Infinity, largest.file));
    assert.match(busy.error, new RegExp(`^LoadError: ${largest.file} did not arrive in 5 attempts: .* 503 `));
    assert.equal(busy.asked.get(largest.file), 5);
    const texts = {
      "<!doctype html>": "JSON",
      "{}": "",
      null: "",
      '{"module": {}, "shards": []}': "a file has no name, size or hash",
    };
    const broken = async ([text, problem]) => {
      const { error, asked } = await load(content("manifest.json", () => text));
      assert.match(error, /^LoadError: manifest.json did not arrive in 5 attempts: it is not what was built: /);
      assert.ok(error.includes(problem), error);
      assert.equal(asked.get("manifest.json"), 5);
    };
    await Promise.all(Object.entries(texts).map(broken));
    for (const code of [403, 404, 410]) {
      for (const which of ["manifest.json", largest.file]) {
        const { error, asked } = await load(status(code, Infinity, which));
        assert.match(error, new RegExp(`^LoadError: .*${which}: the server answers ${code} `));
        assert.equal(asked.get(which), 1);
      }
    }
  },

  async "every byte of every file is checked"() {
    const wrong = / is not what was built: its SHA-256 differs/;
    for (const name of names) {
      for (const at of [0, 0.5, 1]) assert.match((await load(content(name, flipped(at)))).error, wrong);
    }
    const longer = await load(content(largest.file, (bytes) => Buffer.concat([bytes, bytes.subarray(0, 1)])));
    assert.match(longer.error, / is longer than the \d+ bytes that were built/);
    await insecure(async () => {
      assert.equal((await load(() => false)).error, undefined);
      for (const at of [0, 1]) assert.match((await load(content(largest.file, flipped(at)))).error, wrong);
    });
  },

  async "the hash without a browser is SHA-256"() {
    const lengths = [...Array(200).keys(), 4095, 4096, 4097, 1e6 + 3];
    for (const length of lengths) {
      const bytes = randomBytes(length);
      const expected = createHash("sha256").update(bytes).digest("hex");
      assert.equal(Buffer.from(digest(bytes)).toString("hex"), expected, `${length} bytes`);
    }
  },

  async "what is cached is not fetched again, and what a build no longer names is dropped"() {
    await withCaches((caches) =>
      serve(
        () => false,
        async (url, asked) => {
          const others = [`${url}sub/0000.bin`, new URL("../other/0000.bin", url).href];
          for (const kept of [`${url}0000.bin`, `${url}model.0000.wasm`, ...others]) caches.put(kept, "old");
          await loadEngine(url);
          const current = names.map((name) => url + name);
          assert.deepEqual(caches.urls, [...current, ...others].sort());
          // One that was damaged in the cache is fetched again.
          caches.put(url + largest.file, flipped(0.5)(Buffer.from(file(largest.file))));
          const { engine } = await loadEngine(url);
          assert.equal(engine.selfTest(), hash);
          for (const name of names) assert.equal(asked.get(name), name === largest.file ? 2 : 1, name);
        },
      ),
    );
  },

  async "the server answers every request, and goes on"() {
    await withServer(async (port, server) => {
      const targets = ["/%", "/%zz", "/%00", "/%E0%A4%A", "//", "///x", "/..%2fserve.mjs", "/../serve.mjs"];
      targets.push("/%2e%2e/serve.mjs", "/..%5cserve.mjs", "/dist/index.js", "/no.js", "/index.js/", "http://", "*", "/\x80");
      for (const target of targets) {
        const said = await raw(port, `GET ${target} HTTP/1.1`);
        assert.match(said, /^HTTP\/1.1 40[04] /, target);
        assert.ok(!said.includes("createServer"), target);
      }
      for (const method of ["POST", "PUT", "DELETE", "OPTIONS"]) {
        const { status, headers } = await get(port, "/", { method });
        assert.deepEqual([status, headers.allow], [405, "GET, HEAD"]);
      }
      assert.match(await raw(port, "what?"), /^HTTP\/1.1 400 /);
      const whole = await get(port, "/?query#part");
      assert.equal(whole.status, 200);
      assert.deepEqual(whole.body, file("index.html"));
      assert.equal(server.exitCode, null);
    });
  },

  async "the server gives ranges as they are asked for"() {
    await withServer(async (port) => {
      const path = `/${largest.file}`;
      const bytes = file(largest.file);
      const { length } = bytes;
      for (const [range, start, end] of [
        ["bytes=0-", 0, length],
        ["bytes=7-", 7, length],
        ["bytes=7-7", 7, 8],
        ["bytes=0-99", 0, 100],
        [`bytes=7-${length + 10}`, 7, length],
        [`bytes=${length - 1}-`, length - 1, length],
        ["bytes=-5", length - 5, length],
        [`bytes=-${length + 1}`, 0, length],
      ]) {
        const { status, headers, body } = await get(port, path, { range });
        assert.equal(status, 206, range);
        assert.equal(headers["content-range"], `bytes ${start}-${end - 1}/${length}`);
        assert.deepEqual(body, bytes.subarray(start, end));
      }
      for (const range of [`bytes=${length}-`, "bytes=99999999999999999999-", "bytes=-0"]) {
        const { status, headers } = await get(port, path, { range });
        assert.deepEqual([status, headers["content-range"]], [416, `bytes */${length}`], range);
      }
      for (const range of ["bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,4-5", "lines=1-2", "bytes=x-"]) {
        const { status, body } = await get(port, path, { range });
        assert.deepEqual([status, body.length], [200, length], range);
      }
      const head = await get(port, path, { method: "HEAD" });
      assert.deepEqual([head.status, Number(head.headers["content-length"]), head.body.length], [200, length, 0]);
      // Who leaves in the middle takes nothing along.
      for (let i = 0; i < 20; i++) {
        const socket = connect(port, "127.0.0.1");
        socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
        await new Promise((resolve) => socket.once("data", resolve));
        socket.destroy();
      }
      assert.equal((await get(port, path)).status, 200);
    });
  },
};

await run(checks);
