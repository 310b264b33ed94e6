// One model in two ways in one browser, in turn: the package of an emitted crate, and llama.cpp
// as wllama: node race.mjs DIST MODEL.gguf ROUNDS. Prints one JSON object a line.

import { createReadStream, existsSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

const [dist, model, rounds] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const folders = { dist, wllama: join(here, "node_modules/@wllama/wllama/esm") };
const TYPES = { ".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html", ".json": "application/json" };

const server = createServer((request, response) => {
  const [folder, ...rest] = new URL(request.url, "http://localhost").pathname.slice(1).split("/");
  const file = folder === "model.gguf" ? model : folders[folder] && join(folders[folder], ...rest);
  if (folder === "") {
    response.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>race</title>");
  } else if (!file || !existsSync(file)) {
    response.writeHead(404).end();
  } else {
    const type = TYPES[extname(file)] ?? "application/octet-stream";
    response.writeHead(200, { "Content-Type": type, "Content-Length": statSync(file).size });
    createReadStream(file).pipe(response);
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-quic", "--no-first-run", "--disable-background-networking"],
});
const page = await browser.newPage();
page.setDefaultTimeout(600_000);
await page.goto(`http://localhost:${server.address().port}/`);

await page.evaluate(async () => {
  const { load } = await import("/dist/index.js");
  const { Wllama, LoggerWithoutDebug } = await import("/wllama/index.js");
  globalThis.ours = await load(new URL("/dist/", location.href));
  globalThis.peer = new Wllama({ default: "/wllama/wasm/wllama.wasm" }, { suppressNativeLog: true, logger: LoggerWithoutDebug });
  const weights = await (await fetch("/model.gguf")).blob();
  // One thread, as without special headers; the CPU.
  await peer.loadModel([weights], { n_threads: 1, n_gpu_layers: 0, n_ctx: 512, warmup: true });
});

/** Text that no cache has seen, of about 9 tokens a sentence. */
const prompt = (round, sentences) =>
  Array.from({ length: sentences }, (_, i) => `The house number ${round}${i} has a red door.`).join(" ");

/** Seconds until the first of so many tokens, and tokens a second after it. */
const runs = {
  "edgegen in Chromium": async ([prompt, maxTokens]) => {
    const { secondsToFirstToken: first, tokensPerSecond: rate } = await ours.generate(prompt, { maxTokens });
    return { first, rate };
  },
  "wllama in Chromium": async ([prompt, maxTokens]) => {
    const start = performance.now();
    let [first, last, timings] = [undefined, start, undefined];
    const stream = await peer.createCompletion({ prompt, max_tokens: maxTokens, temperature: 0, stream: true });
    for await (const chunk of stream) {
      timings = chunk.timings ?? timings;
      last = performance.now();
      first ??= last;
    }
    return { first: (first - start) / 1000, rate: (timings.predicted_n - 1) / ((last - first) / 1000) };
  },
};

const { loadEngine } = await import(join(dist, "loader.js"));
const { engine } = await loadEngine(`http://localhost:${server.address().port}/dist/`);
function inNode([prompt, maxTokens]) {
  const start = performance.now();
  let [first, tokens] = [undefined, 0];
  for (const { token } of engine.generate(prompt, { maxTokens })) {
    if (token < 0) continue;
    tokens += 1;
    first ??= performance.now();
  }
  const seconds = (performance.now() - first) / 1000;
  return { first: (first - start) / 1000, rate: (tokens - 1) / seconds };
}

const SHORT = [(round) => `Story ${round}. Once upon a time`, 64];
const LONG = [(round) => prompt(round, 14), 2];
for (let round = 1; round <= Number(rounds); round++) {
  const jobs = [SHORT, LONG].map(([text, tokens]) => [text(round), tokens]);
  const report = (who, [short, long]) =>
    console.log(JSON.stringify({ who, decode: short.rate, first: long.first }));
  for (const [who, run] of Object.entries(runs)) {
    report(who, [await page.evaluate(run, jobs[0]), await page.evaluate(run, jobs[1])]);
  }
  report("edgegen in Node", jobs.map(inNode));
}
await browser.close();
server.close();
server.closeAllConnections();
