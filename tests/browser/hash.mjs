// Loads an emitted package in Node and prints the hash of its self-test, or what that finds:
// node hash.mjs WEB

import { spawn } from "node:child_process";
import { join } from "node:path";

const [web] = process.argv.slice(2);
const { loadEngine } = await import(join(web, "dist/loader.js"));
const server = spawn("node", [join(web, "serve.mjs"), "0"], { stdio: ["ignore", "pipe", "inherit"] });
const origin = await new Promise((resolve) => {
  server.stdout.once("data", (line) => resolve(new URL(String(line).trim())));
});
const { engine } = await loadEngine(origin);
try {
  console.log(engine.selfTest());
} catch (error) {
  console.log(error.message);
}
server.kill();
