// Fetches a model: the module, and its weights in shards that are checked, cached and resumed.

import { Engine } from "./engine.js";

const CACHE = "edgegen-models";
const STREAMS = 4;
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 250;

/** A file that did not arrive, or not as it was made. */
export class LoadError extends Error {
  name = "LoadError";
}

/**
 * Loads the model whose `manifest.json` is in the folder `url`. Shards are in the order in which
 * the network uses them; each is in the module's memory as soon as it is checked.
 */
export async function loadEngine(url, { onProgress, signal } = {}) {
  const manifest = await (await request(new URL("manifest.json", url), 0, signal)).json();
  const files = [manifest.module, ...manifest.shards];
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  let loaded = 0;
  const report = (bytes, file, cached) => {
    loaded += bytes;
    onProgress?.({ loaded, total, file: file.file, cached });
  };
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  const get = (file) => fetchChecked(new URL(file.file, url), file, { cache, report, signal });

  const { instance } = await WebAssembly.instantiate(await get(manifest.module), {});
  const memory = new Uint8Array(instance.exports.memory.buffer);
  const left = manifest.shards.values();
  const stream = async () => {
    for (const shard of left) {
      memory.set(await get(shard), shard.offset);
    }
  };
  await Promise.all(Array.from({ length: STREAMS }, stream));
  return { engine: new Engine(instance), manifest };
}

/** A file's bytes, from the cache if they are there, and always as the manifest says. */
async function fetchChecked(url, file, { cache, report, signal }) {
  const kept = await cache?.match(url).catch(() => undefined);
  if (kept) {
    const bytes = new Uint8Array(await kept.arrayBuffer());
    if (await isIntact(bytes, file)) {
      report(bytes.length, file, true);
      return bytes;
    }
    await cache.delete(url);
  }
  const bytes = await download(url, file, report, signal);
  if (!(await isIntact(bytes, file))) {
    throw new LoadError(`${file.file} is not what was built: its SHA-256 differs; the model was not loaded`);
  }
  // A full disk is no reason not to run.
  await cache?.put(url, new Response(bytes)).catch(() => undefined);
  return bytes;
}

/** Downloads a file, and after a broken connection goes on from where it broke. */
async function download(url, file, report, signal) {
  const bytes = new Uint8Array(file.bytes);
  let have = 0;
  for (let attempt = 1; ; attempt++) {
    try {
      const response = await request(url, have, signal);
      if (have > 0 && response.status !== 206) {
        report(-have, file, false);
        have = 0;
      }
      const reader = response.body.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (have + value.length > file.bytes) {
          await reader.cancel();
          throw new LoadError(`${file.file} is longer than the ${file.bytes} bytes that were built`);
        }
        bytes.set(value, have);
        have += value.length;
        report(value.length, file, false);
      }
      if (have === file.bytes) return bytes;
      throw new TypeError(`the connection ended after ${have} of ${file.bytes} bytes`);
    } catch (error) {
      if (signal?.aborted || error instanceof LoadError || attempt === ATTEMPTS) {
        throw error instanceof TypeError
          ? new LoadError(`${file.file} did not arrive in ${ATTEMPTS} attempts: ${error.message}`)
          : error;
      }
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
    }
  }
}

async function request(url, from, signal) {
  const headers = from > 0 ? { Range: `bytes=${from}-` } : {};
  // The browser's own cache would keep a file that arrived corrupted.
  const response = await fetch(url, { headers, signal, cache: "no-store" });
  if (!response.ok) {
    throw new LoadError(`${url}: the server answers ${response.status} ${response.statusText}`);
  }
  return response;
}

async function isIntact(bytes, { bytes: length, sha256 }) {
  if (bytes.length !== length) return false;
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("") === sha256;
}
