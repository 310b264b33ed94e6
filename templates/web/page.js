// The page: loads the model, and answers what is typed.

import { load } from "./index.js";

const element = (id) => document.getElementById(id);
const megabytes = (bytes) => `${(bytes / 1e6).toFixed(1)} MB`;

let session;
let running;

async function start() {
  element("loading").hidden = false;
  element("retry").hidden = true;
  element("progress-text").className = "";
  try {
    session = await load(undefined, { onProgress: showProgress });
  } catch (error) {
    element("progress-text").textContent = `The model could not be loaded: ${error.message}`;
    element("progress-text").className = "error";
    element("retry").hidden = false;
    return;
  }
  element("loading").hidden = true;
  element("name").textContent = session.name;
  document.title = session.name;
  showFigures();
  setRunning(undefined);
  element("prompt").focus();
}

function showProgress({ loaded, total, cached }) {
  element("progress").value = loaded / total;
  const from = cached ? "from this browser's cache" : "over the network";
  element("progress-text").textContent = `Loading ${megabytes(loaded)} of ${megabytes(total)} ${from}`;
}

function showFigures(answer) {
  const figures = [`${megabytes(session.memoryBytes)} of memory`, `context of ${session.context} tokens`];
  if (answer) {
    figures.unshift(`first token after ${answer.secondsToFirstToken.toFixed(2)} s`);
    if (answer.tokensPerSecond) figures.unshift(`${answer.tokensPerSecond.toFixed(1)} tokens/s`);
  }
  element("figures").textContent = figures.join(" · ");
}

function setRunning(controller) {
  running = controller;
  element("prompt").disabled = false;
  element("send").disabled = running !== undefined;
  element("stop").disabled = running === undefined;
}

async function answer() {
  const output = element("answer");
  const prompt = element("prompt").value.trim();
  if (running || !session || !prompt) return;
  setRunning(new AbortController());
  output.textContent = "";
  output.className = "";
  try {
    const onToken = (text) => output.append(text);
    const options = { onToken, signal: running.signal };
    showFigures(await (session.hasChat ? session.chat(prompt, options) : session.generate(prompt, options)));
  } catch (error) {
    if (error.name !== "AbortError") {
      output.textContent = error.message;
      output.className = "error";
    }
  } finally {
    setRunning(undefined);
  }
}

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  answer();
});
element("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    answer();
  }
});
addEventListener("keydown", (event) => {
  if (event.key === "Escape") running?.abort();
});
element("stop").addEventListener("click", () => running?.abort());
element("retry").addEventListener("click", start);

navigator.serviceWorker?.register(new URL("sw.js", import.meta.url)).catch(() => undefined);
start();
