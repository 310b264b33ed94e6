// Builds `dist`: the module without its weights, the weights as shards named by their hash in the
// order in which the network uses them, and the scripts. Needs cargo with the target
// wasm32-unknown-unknown, or the module as an argument: node build.mjs [MODULE.wasm]

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { readModule, withoutRanges } from "./split.mjs";

const SCRIPTS = ["engine.js", "index.d.ts", "index.html", "index.js", "loader.js", "page.css", "page.js", "sha256.js", "sw.js", "worker.js"];
const TARGET = "wasm32-unknown-unknown";
/** A broken connection costs one shard's rest, and a corrupted one is fetched again, at most. */
const SHARD_BYTES = 4 << 20;
/** Smaller files stay in the module. */
const LEAST_BYTES = 1 << 12;

const here = dirname(fileURLToPath(import.meta.url));
const crate = dirname(here);
const dist = join(here, "dist");
const model = JSON.parse(readFileSync(join(here, "model.json"), "utf8"));

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Ends with one line: what is wrong, and what to do. */
function fail(message) {
  console.error(message);
  process.exit(1);
}

/** What a program prints; its own messages are shown, and end this one too. */
function run(program, args) {
  const options = { cwd: join(crate, "ffi"), encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 28 };
  try {
    return execFileSync(program, args, options);
  } catch (error) {
    if (error.code === "ENOENT") fail(`needs ${program}: install Rust from https://rustup.rs`);
    return fail(`${program} failed`);
  }
}

function compile() {
  const libraries = run(process.env.RUSTC ?? "rustc", ["--print", "target-libdir", "--target", TARGET]).trim();
  if (!existsSync(libraries)) fail(`needs \`rustup target add ${TARGET}\``);
  const options = ["--release", "--target", TARGET, "--message-format", "json-render-diagnostics"];
  const files = run("cargo", ["build", ...options])
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .flatMap((line) => JSON.parse(line).filenames ?? []);
  return files.find((name) => name.endsWith(".wasm")) ?? fail("cargo built no .wasm file");
}

/** Where the weights are in the module's memory, in the order of the files, cut into shards. */
function shards(module) {
  const found = [];
  for (const name of model.files) {
    const weights = readFileSync(join(crate, "weights", name));
    if (weights.length < LEAST_BYTES) continue;
    for (const segment of module.segments) {
      const start = segment.bytes.indexOf(weights);
      if (start < 0) continue;
      for (let from = 0; from < weights.length; from += SHARD_BYTES) {
        const bytes = weights.subarray(from, Math.min(from + SHARD_BYTES, weights.length));
        found.push({ segment, start: start + from, bytes, offset: segment.offset + start + from });
      }
      break;
    }
  }
  return found;
}

function emit(name, bytes) {
  const hash = sha256(bytes);
  const file = name.replace("HASH", hash.slice(0, 16));
  writeFileSync(join(dist, file), bytes);
  return { file, bytes: bytes.length, sha256: hash };
}

const module = readModule(readFileSync(process.argv[2] ?? compile()));
const parts = shards(module);
rmSync(dist, { recursive: true, force: true });
mkdirSync(dist);
const manifest = {
  name: model.name,
  hash: model.hash,
  chat: model.chat,
  module: emit("model.HASH.wasm", withoutRanges(module, parts)),
  shards: parts.map(({ bytes, offset }) => ({ ...emit("HASH.bin", bytes), offset })),
};
writeFileSync(join(dist, "manifest.json"), `${JSON.stringify(manifest, null, 2)}\n`);
for (const script of SCRIPTS) {
  cpSync(join(here, script), join(dist, script));
}
const bytes = manifest.shards.reduce((sum, shard) => sum + shard.bytes, manifest.module.bytes);
console.log(`dist: ${parts.length} shards, ${(bytes / 1e6).toFixed(2)} MB`);
