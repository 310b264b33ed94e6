// Serves `dist` on this machine: node serve.mjs [PORT]

import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join } from "node:path";
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
const port = Number(process.argv[2] ?? 8080);

const server = createServer(async (request, response) => {
  const name = decodeURIComponent(new URL(request.url, "http://localhost").pathname).slice(1) || "index.html";
  const type = TYPES[extname(name)];
  const file = join(dist, name);
  const found = type && !name.includes("/") && (await stat(file).catch(() => undefined));
  if (!found) {
    response.writeHead(404).end("not found\n");
    return;
  }
  const [, from] = /^bytes=(\d+)-$/.exec(request.headers.range ?? "") ?? [];
  const start = Number(from ?? 0);
  if (start > 0 && start >= found.size) {
    response.writeHead(416, { "Content-Range": `bytes */${found.size}` }).end();
    return;
  }
  const headers = {
    "Accept-Ranges": "bytes",
    "Cache-Control": HASHED.test(name) ? "public, max-age=31536000, immutable" : "no-cache",
    "Content-Length": found.size - start,
    "Content-Type": type,
  };
  if (from !== undefined) headers["Content-Range"] = `bytes ${start}-${found.size - 1}/${found.size}`;
  response.writeHead(from === undefined ? 200 : 206, headers);
  if (request.method === "HEAD") response.end();
  else createReadStream(file, { start }).pipe(response);
});
server.listen(port, "127.0.0.1", () => console.log(`http://localhost:${server.address().port}/`));
