// Runs the model beside the page. Each request has a number, which all replies to it bear.

import { loadEngine } from "./loader.js";

let engine;
const cancelled = new Set();

// Between two steps messages are taken, so that an answer can be cancelled.
const { port1, port2 } = new MessageChannel();
const pause = () =>
  new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(0);
  });

async function answer(id, { kind, prompt, options }) {
  const steps = engine[kind](prompt, options);
  for (;;) {
    const { done, value } = steps.next();
    if (done) return value;
    postMessage({ id, step: value });
    await pause();
    if (cancelled.delete(id)) return "cancelled";
  }
}

const handlers = {
  async load(id, { url }) {
    const onProgress = (progress) => postMessage({ id, progress });
    const loaded = await loadEngine(url, { onProgress });
    engine = loaded.engine;
    const { name, context, memoryBytes } = engine;
    return { name, context, memoryBytes, chat: loaded.manifest.chat, hash: loaded.manifest.hash };
  },
  answer,
  async selfTest() {
    return engine.selfTest();
  },
  async save() {
    return engine.save();
  },
  async restore(id, { saved }) {
    engine.restore(saved);
  },
};

addEventListener("message", async ({ data: { id, cancel, request, ...parameters } }) => {
  if (cancel) {
    cancelled.add(id);
    return;
  }
  try {
    postMessage({ id, result: await handlers[request](id, parameters) });
  } catch (error) {
    postMessage({ id, error: { name: error.name, message: error.message } });
  } finally {
    cancelled.delete(id);
  }
});
