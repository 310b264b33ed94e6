// Uses the page of an emitted crate in a real browser, as a user would, and fails if it does not
// do what it should: node check.mjs WEB HASH PROMPT ANSWER TOKENS [SCREENSHOT]
// TOKENS is how many an answer has that takes long enough to be cancelled; 0 if none does.

import assert from "node:assert/strict";
import { createServer, request } from "node:http";
import { spawn } from "node:child_process";
import { join } from "node:path";

import { chromium } from "playwright-core";

import { run } from "./checks.mjs";

const [web, hash, prompt, expected, long, screenshot] = process.argv.slice(2);
const LIMIT_MS = Number(process.env.LIMIT_MS ?? 120_000);

const server = spawn("node", [join(web, "serve.mjs"), "0"], { stdio: ["ignore", "pipe", "inherit"] });
const origin = await new Promise((resolve) => {
  server.stdout.once("data", (line) => resolve(new URL(String(line).trim())));
});

// Between browser and server: a connection with faults.
const faults = { offline: false, corrupt: undefined, cutAfter: undefined, cuts: 0, ranges: [] };
const proxy = createServer((from, to) => {
  const { pathname } = new URL(from.url, origin);
  if (faults.offline) {
    from.socket.destroy();
    return;
  }
  if (from.headers.range) faults.ranges.push(from.headers.range);
  const headers = { ...from.headers, host: origin.host };
  request({ host: "127.0.0.1", port: origin.port, path: from.url, headers }, (answer) => {
    to.writeHead(answer.statusCode, answer.headers);
    let sent = 0;
    answer.on("data", (bytes) => {
      if (faults.corrupt === pathname) bytes[0] ^= 1;
      if (faults.cutAfter?.name === pathname && sent + bytes.length > faults.cutAfter.bytes) {
        // A connection that is reset takes along what the browser has not read yet.
        to.write(bytes.subarray(0, faults.cutAfter.bytes - sent), () => setTimeout(() => to.destroy(), 200));
        faults.cutAfter = undefined;
        faults.cuts += 1;
        answer.destroy();
        return;
      }
      sent += bytes.length;
      to.write(bytes);
    });
    answer.on("end", () => to.end());
  }).end();
});
await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));
const page_url = `http://localhost:${proxy.address().port}/`;
const manifest = await (await fetch(new URL("manifest.json", origin))).json();
const largest = manifest.shards.reduce((a, b) => (b.bytes > a.bytes ? b : a));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--host-resolver-rules=MAP insecure.test 127.0.0.1", "--no-first-run", "--disable-background-networking"],
});

/** A page in a browser that knows nothing yet. */
async function visit(act, options = {}) {
  const context = await browser.newContext({ viewport: { width: 900, height: 640 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT_MS);
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(String(error)));
  try {
    await act(page, context);
    assert.deepEqual(wrong, [], "errors on the page");
  } finally {
    await context.close();
  }
}

const ready = (page) => page.waitForSelector("#send:enabled");
/** Types a prompt and presses Enter; gives the answer as soon as it has ended. */
async function ask(page, text) {
  await page.fill("#prompt", text);
  await page.press("#prompt", "Enter");
  await page.waitForFunction(() => document.getElementById("answer").textContent !== "");
  await ready(page);
  return page.textContent("#answer");
}

const checks = {
  async "the page loads with progress and answers"() {
    await visit(async (page) => {
      await page.addInitScript(() => {
        globalThis.shown = [];
        addEventListener("DOMContentLoaded", () => {
          const bar = document.getElementById("progress");
          new MutationObserver(() => shown.push(bar.value)).observe(bar, { attributes: true });
        });
      });
      await page.goto(page_url);
      await ready(page);
      const shown = await page.evaluate(() => shown);
      assert.ok(shown.length >= manifest.shards.length, `${shown.length} steps of progress`);
      assert.deepEqual(shown, [...shown].sort((a, b) => a - b), "progress goes forward");
      assert.equal(shown.at(-1), 1);
      assert.equal(await ask(page, prompt), expected);
      assert.match(await page.textContent("#figures"), /tokens\/s.*MB of memory/);
      if (screenshot) await page.screenshot({ path: screenshot });
    });
  },

  async "it computes the bits that edgegen computed"() {
    await visit(async (page) => {
      await page.goto(page_url);
      await ready(page);
      const found = await page.evaluate(async () => {
        const { load } = await import("./index.js");
        const session = await load();
        return [await session.selfTest(), session.hash];
      });
      assert.deepEqual(found, [hash, hash]);
    });
  },

  async "an answer can be cancelled, and another one asked for"() {
    await visit(async (page) => {
      await page.goto(page_url);
      await ready(page);
      const found = await page.evaluate(
        async (maxTokens) => {
          const { load } = await import("./index.js");
          const session = await load();
          const prompt = "Once upon a time";
          const whole = await session.generate(prompt, { maxTokens });
          const stop = new AbortController();
          let pieces = 0;
          const onToken = () => ++pieces === 3 && stop.abort();
          const error = await session
            .generate(prompt, { maxTokens, onToken, signal: stop.signal })
            .catch((error) => error.name);
          const again = await session.generate(prompt, { maxTokens });
          return { error, pieces, whole: whole.text, again: again.text };
        },
        Number(long) || undefined,
      );
      assert.equal(found.error, "AbortError");
      // Those that were under way when the message arrived still come: on a busy machine, many.
      if (Number(long)) assert.ok(found.pieces < long, `${found.pieces} of ${long} pieces came`);
      assert.equal(found.again, found.whole);
    });
  },

  async "what is asked reaches the model, one after the other"() {
    await visit(async (page) => {
      await page.goto(page_url);
      await ready(page);
      const found = await page.evaluate(async (prompt) => {
        const [{ load }, { loadEngine }] = [await import("./index.js"), await import("./loader.js")];
        const session = await load();
        const { engine } = await loadEngine(new URL("./", location.href));
        // What the engine says by itself.
        const alone = (prompt, options) => {
          const steps = engine.generate(prompt, options);
          let [text, tokens, next] = ["", 0];
          while (!(next = steps.next()).done) {
            text += next.value.text;
            tokens += next.value.token >= 0;
          }
          return { text, tokens, finish: next.value };
        };
        const plain = { maxTokens: 48 };
        const options = [plain, ...[5, 6, 7].map((seed) => ({ ...plain, temperature: 4, topK: 0, topP: 1, seed }))];
        const questions = options.flatMap((options) => [[prompt, options], ["Once", options]]);
        const given = await Promise.all(questions.map((question) => session.generate(...question)));
        const left = [];
        await session.generate("lamp ".repeat(20), { ...plain, onPrompt: (count) => left.push(count) });
        return {
          given: given.map(({ text, tokens, finish }) => ({ text, tokens, finish })),
          expected: questions.map((question) => alone(...question)),
          left,
        };
      }, prompt);
      assert.deepEqual(found.given, found.expected);
      const texts = new Set(found.given.map(({ text }) => text));
      assert.ok(texts.size > 4, `${texts.size} texts of ${found.given.length} questions`);
      assert.ok(found.left.length > 0, "a prompt of more than one batch");
      assert.deepEqual(found.left, [...found.left].sort((a, b) => b - a));
    });
  },

  async "a saved state goes on in another session, and is refused when changed"() {
    await visit(async (page) => {
      await page.goto(page_url);
      await ready(page);
      const found = await page.evaluate(async (prompt) => {
        const { load } = await import("./index.js");
        const [a, b] = [await load(), await load()];
        await a.generate(prompt, { maxTokens: 24 });
        const saved = await a.save();
        await b.restore(saved);
        const same = (await b.save()).every((byte, i) => byte === saved[i]);
        saved[saved.length >> 1] ^= 1;
        return [same, await b.restore(saved).catch((error) => error.message)];
      }, prompt);
      assert.equal(found[0], true);
      assert.match(found[1], /not a saved state/);
    });
  },

  async "it opens again without a connection"() {
    await visit(async (page) => {
      await page.goto(page_url);
      await ready(page);
      await page.evaluate(() => navigator.serviceWorker.ready);
      // The page that installed the worker was not yet its own.
      await page.reload();
      await ready(page);
      // The browser's own switch does not reach service workers.
      faults.offline = true;
      try {
        await page.reload();
        await ready(page);
        assert.equal(await ask(page, prompt), expected);
      } finally {
        faults.offline = false;
      }
    });
  },

  async "a corrupted shard is refused, and fetched again when asked"() {
    await visit(async (page) => {
      faults.corrupt = `/${largest.file}`;
      await page.goto(page_url);
      await page.waitForSelector("#retry:visible");
      const text = await page.textContent("#progress-text");
      assert.match(text, new RegExp(`${largest.file} is not what was built`));
      assert.equal(await page.isEnabled("#send"), false);
      faults.corrupt = undefined;
      await page.click("#retry");
      await ready(page);
      assert.equal(await ask(page, prompt), expected);
    });
  },

  async "a broken connection goes on where it broke"() {
    await visit(async (page) => {
      Object.assign(faults, { cutAfter: { name: `/${largest.file}`, bytes: largest.bytes >> 1 }, cuts: 0, ranges: [] });
      await page.goto(page_url);
      await ready(page);
      assert.equal(faults.cuts, 1);
      assert.equal(faults.ranges.length, 1);
      assert.match(faults.ranges[0], /^bytes=[1-9]\d*-$/);
      assert.equal(await ask(page, prompt), expected);
    });
  },

  async "it works where the browser has neither a cache nor a hash"() {
    await visit(async (page) => {
      const url = new URL(page_url);
      url.hostname = "insecure.test";
      await page.goto(url.href);
      assert.deepEqual(await page.evaluate(() => [isSecureContext, typeof caches]), [false, "undefined"]);
      await ready(page);
      assert.equal(await ask(page, prompt), expected);
    });
  },

  async "a session can be closed at any time and more than once"() {
    await visit(async (page) => {
      await page.goto(page_url);
      await ready(page);
      const found = await page.evaluate(async () => {
        const { load } = await import("./index.js");
        const session = await load();
        const stop = new AbortController();
        const name = (promise) => promise.then(String, (error) => error.name);
        const begun = [session.generate("Once", { signal: stop.signal }), session.selfTest()].map(name);
        session.close();
        session.close();
        stop.abort();
        const late = [session.generate("Once"), session.chat("Once"), session.selfTest(), session.save()].map(name);
        return Promise.all([...begun, ...late]);
      });
      assert.deepEqual(found, Array(6).fill("AbortError"));
    });
  },

  async "it works by keyboard, in the dark too"() {
    await visit(
      async (page) => {
        await page.goto(page_url);
        await ready(page);
        assert.equal(await page.evaluate(() => document.activeElement.id), "prompt");
        const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
        assert.equal(paper, "rgb(20, 23, 26)");
        await page.keyboard.type(prompt);
        await page.keyboard.press("Tab");
        await page.keyboard.press("Enter");
        await page.waitForFunction((text) => document.getElementById("answer").textContent === text, expected);
      },
      { colorScheme: "dark" },
    );
  },
};

await run(checks);
await browser.close();
proxy.close();
proxy.closeAllConnections();
server.kill();
