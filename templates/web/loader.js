// Fetches a model: the module, and its weights in shards that are checked, cached and resumed.

import { Engine } from "./engine.js";
import { sha256 } from "./sha256.js";

const CACHE = "edgegen-models";
const STREAMS = 4;
const ATTEMPTS = 5;
const FIRST_PAUSE_MS = 250;
/** What a server answers that is busy or starts anew; other refusals stay (RFC 9110, section 15). */
const PASSING = [408, 425, 429, 500, 502, 503, 504];

/** A file that did not arrive, or not as it was made. */
export class LoadError extends Error {
  name = "LoadError";
}

/**
 * Loads the model whose `manifest.json` is in the folder `url`. Shards are in the order in which
 * the network uses them; each is in the module's memory as soon as it is checked.
 */
export async function loadEngine(url, { onProgress, signal } = {}) {
  const manifest = await fetchManifest(new URL("manifest.json", url), signal);
  const files = filesOf(manifest);
  const total = files.reduce((sum, file) => sum + file.bytes, 0);
  let loaded = 0;
  const report = (bytes, file, cached) => {
    loaded += bytes;
    onProgress?.({ loaded, total, file: file.file, cached });
  };
  // Pages that come over plain HTTP from another machine have no cache.
  const cache = await globalThis.caches?.open(CACHE).catch(() => undefined);
  await forgetOthers(cache, url, files).catch(() => undefined);
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

async function fetchManifest(url, signal) {
  return persist("manifest.json", signal, async () => {
    const text = await (await request(url, 0, signal)).text();
    try {
      const manifest = JSON.parse(text);
      filesOf(manifest);
      return manifest;
    } catch (error) {
      throw new Error(`it is not what was built: ${error.message}`);
    }
  });
}

function filesOf({ module, shards }) {
  const files = [module, ...shards];
  const isFile = ({ file, bytes, sha256 }) => file && bytes >= 0 && sha256;
  if (!files.every(isFile)) throw new TypeError("a file has no name, size or hash");
  return files;
}

/** Drops the model's files that its build no longer names; those of other folders stay. */
async function forgetOthers(cache, url, files) {
  const named = new Set(files.map(({ file }) => new URL(file, url).href));
  const folder = new URL("./", url).href;
  for (const { url: kept } of (await cache?.keys()) ?? []) {
    if (new URL("./", kept).href === folder && !named.has(kept)) await cache.delete(kept);
  }
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
  return persist(file.file, signal, async () => {
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
    if (have < file.bytes) throw new Error(`the connection ended after ${have} of ${file.bytes} bytes`);
    return bytes;
  });
}

/** Does what may fail for a while, again and again with longer and longer pauses. */
async function persist(name, signal, act) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await act();
    } catch (error) {
      if (signal?.aborted || error instanceof LoadError) throw error;
      if (attempt === ATTEMPTS) {
        throw new LoadError(`${name} did not arrive in ${ATTEMPTS} attempts: ${error.message}`);
      }
      await new Promise((resolve) => setTimeout(resolve, FIRST_PAUSE_MS * 2 ** (attempt - 1)));
    }
  }
}

async function request(url, from, signal) {
  const headers = from > 0 ? { Range: `bytes=${from}-` } : {};
  // The browser's own cache would keep a file that arrived corrupted.
  const response = await fetch(url, { headers, signal, cache: "no-store" });
  if (response.ok) return response;
  const problem = `${url}: the server answers ${response.status} ${response.statusText}`;
  throw PASSING.includes(response.status) ? new Error(problem) : new LoadError(problem);
}

async function isIntact(bytes, file) {
  return bytes.length === file.bytes && (await sha256(bytes)) === file.sha256;
}
