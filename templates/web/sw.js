// Keeps the page itself, so that it opens without a connection; the loader keeps the model.

const CACHE = "edgegen-page";
const PAGE = ["./", "engine.js", "index.js", "loader.js", "manifest.json", "page.css", "page.js", "sha256.js", "worker.js"];

addEventListener("install", (event) => {
  event.waitUntil(caches.open(CACHE).then((cache) => cache.addAll(PAGE)).then(() => skipWaiting()));
});

addEventListener("activate", (event) => event.waitUntil(clients.claim()));

addEventListener("fetch", (event) => {
  const name = event.request.url.slice(registration.scope.length).split(/[?#]/)[0];
  if (event.request.method !== "GET" || !PAGE.includes(name || "./")) return;
  event.respondWith(
    // The newest, if there is a connection.
    fetch(event.request)
      .then(async (response) => {
        if (response.ok) await (await caches.open(CACHE)).put(event.request, response.clone());
        return response;
      })
      .catch(() => caches.match(event.request, { ignoreSearch: true })),
  );
});
