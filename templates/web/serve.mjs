// Serves `dist` on this machine: node serve.mjs [PORT]

import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";

const TYPES = {
  ".bin": "application/octet-stream",
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};
/** Names that bear their content's hash never change. */
const HASHED = /[0-9a-f]{16}\.(bin|wasm)$/;

const dist = join(dirname(fileURLToPath(import.meta.url)), "dist");

/** The file that a request names; none if that cannot be a name. */
function nameOf(target) {
  if (!target.startsWith("/")) return undefined;
  try {
    return decodeURIComponent(target.split(/[?#]/)[0]).slice(1) || "index.html";
  } catch {
    return undefined;
  }
}

/** Its size. What the folder does not list is not there, whatever its name means to the system. */
async function sizeOf(name) {
  if (!(extname(name) in TYPES) || !(await readdir(dist)).includes(name)) return undefined;
  return (await stat(join(dist, name))).size;
}

/**
 * The bytes that a `Range` header asks for, as `[first, end]`; all of them without one, or with one
 * of another kind, which RFC 9110 (section 14.2) allows; none if it lies beyond the file.
 */
function rangeOf(header, size) {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (!first && !last) return { range: [0, size], partial: false };
  const start = first ? Number(first) : Math.max(size - Number(last), 0);
  const end = first && last ? Math.min(Number(last) + 1, size) : size;
  if (first && last && Number(last) < Number(first)) return { range: [0, size], partial: false };
  return { range: start < end ? [start, end] : undefined, partial: true };
}

async function answer(request, response) {
  const refuse = (status, text, headers = {}) =>
    response.writeHead(status, { "Content-Type": "text/plain", ...headers }).end(`${text}\n`);
  if (!["GET", "HEAD"].includes(request.method)) return refuse(405, "only GET and HEAD", { Allow: "GET, HEAD" });
  const name = nameOf(request.url);
  if (name === undefined) return refuse(400, "no such name can be");
  const size = await sizeOf(name);
  if (size === undefined) return refuse(404, "not found");
  const { range, partial } = rangeOf(request.headers.range, size);
  if (!range) return refuse(416, "beyond the file", { "Content-Range": `bytes */${size}` });
  const [start, end] = range;
  response.writeHead(partial ? 206 : 200, {
    "Accept-Ranges": "bytes",
    "Cache-Control": HASHED.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
    "Content-Length": end - start,
    "Content-Type": TYPES[extname(name)],
    ...(partial && { "Content-Range": `bytes ${start}-${end - 1}/${size}` }),
  });
  if (request.method === "HEAD" || start === end) return response.end();
  return pipeline(createReadStream(join(dist, name), { start, end: end - 1 }), response);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => {
    // A client that has left needs no answer; one that waits gets no half of a file as a whole.
    if (response.headersSent) response.destroy();
    else response.writeHead(500, { "Content-Type": "text/plain" }).end(`${error.message}\n`);
  });
});
server.on("error", (error) => {
  console.error(`cannot serve: ${error.message}`);
  process.exitCode = 1;
});
const port = Number(process.argv[2] ?? 8080);
if (Number.isInteger(port) && port >= 0 && port < 65536) {
  server.listen(port, "127.0.0.1", () => console.log(`http://localhost:${server.address().port}/`));
} else {
  console.error(`the port is a number from 0 to 65535, not ${process.argv[2]}`);
  process.exitCode = 2;
}
