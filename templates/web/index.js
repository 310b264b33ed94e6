// The model for pages: it runs in a worker, so that the page never waits.

/** Why the model could not be loaded or refused a request. */
export class ModelError extends Error {
  constructor({ name, message }) {
    super(message);
    this.name = name;
  }
}

/**
 * Loads the model from the folder `url`, which is this module's own by default.
 * `onProgress({loaded, total, file, cached})` is told of every part that arrives.
 */
export async function load(url = new URL("./", import.meta.url), { onProgress, signal } = {}) {
  signal?.throwIfAborted();
  const client = new Client(new Worker(new URL("./worker.js", import.meta.url), { type: "module" }));
  const stop = () => client.close(signal.reason);
  signal?.addEventListener("abort", stop, { once: true });
  try {
    const about = await client.ask("load", { url: new URL(url, location.href).href }, { onProgress });
    return new Session(client, about);
  } catch (error) {
    client.close(error);
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** A conversation with the model. Requests wait for those before them. */
export class Session {
  #client;
  #last = Promise.resolve();

  constructor(client, { name, context, memoryBytes, chat, hash }) {
    this.#client = client;
    /** The model's name. */
    this.name = name;
    /** Tokens that the session holds. */
    this.context = context;
    /** Bytes of memory that model and session take. */
    this.memoryBytes = memoryBytes;
    /** Whether the model has a chat template. */
    this.hasChat = chat;
    /** The hash that `selfTest` must give. */
    this.hash = hash;
  }

  /** Continues a prompt. */
  generate(prompt, options) {
    return this.#answer("generate", prompt, options);
  }

  /** Answers a message with the model's chat template. */
  chat(message, options) {
    return this.#answer("chat", message, options);
  }

  /** Compares this browser's results with the compiler's, to the bit, and gives their hash. */
  selfTest() {
    return this.#queue(() => this.#client.ask("selfTest"));
  }

  /** What the session has read and written, as bytes. */
  save() {
    return this.#queue(() => this.#client.ask("save"));
  }

  /** Takes over what `save` gave; another model's bytes are refused. */
  restore(saved) {
    return this.#queue(() => this.#client.ask("restore", { saved }));
  }

  /** Ends the worker and frees its memory, whatever is under way; more than once does no harm. */
  close() {
    this.#client.close(new DOMException("the session was closed", "AbortError"));
  }

  async #answer(kind, prompt, { onToken, onPrompt, signal, ...options } = {}) {
    signal?.throwIfAborted();
    return this.#queue(async () => {
      signal?.throwIfAborted();
      const start = performance.now();
      let [text, tokens, first] = ["", 0, undefined];
      const onStep = (step) => {
        if (step.promptLeft > 0) {
          onPrompt?.(step.promptLeft);
          return;
        }
        if (step.token >= 0) {
          tokens += 1;
          first ??= performance.now();
        }
        text += step.text;
        if (step.text) onToken?.(step.text);
      };
      const finish = await this.#client.ask("answer", { kind, prompt, options }, { onStep, signal });
      signal?.throwIfAborted();
      const end = performance.now();
      first ??= end;
      const seconds = (end - first) / 1000;
      return {
        text,
        finish,
        tokens,
        secondsToFirstToken: (first - start) / 1000,
        tokensPerSecond: tokens > 1 && seconds > 0 ? (tokens - 1) / seconds : undefined,
      };
    });
  }

  #queue(task) {
    const result = this.#last.then(task);
    this.#last = result.catch(() => undefined);
    return result;
  }
}

/** Requests to a worker and their replies. */
class Client {
  #worker;
  #next = 0;
  #waiting = new Map();
  #closed;

  constructor(worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = (event) => this.close(new Error(event.message ?? "the worker did not start"));
  }

  ask(request, parameters = {}, { onProgress, onStep, signal } = {}) {
    if (this.#closed) return Promise.reject(this.#closed);
    const id = this.#next++;
    const cancel = () => this.#worker.postMessage({ id, cancel: true });
    signal?.addEventListener("abort", cancel, { once: true });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onProgress, onStep });
      this.#worker.postMessage({ id, request, ...parameters });
    }).finally(() => {
      signal?.removeEventListener("abort", cancel);
      this.#waiting.delete(id);
    });
  }

  close(reason) {
    this.#closed ??= reason;
    this.#worker.terminate();
    for (const { reject } of this.#waiting.values()) reject(this.#closed);
  }

  #receive({ id, progress, step, result, error }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    if (progress) waiting.onProgress?.(progress);
    else if (step) waiting.onStep?.(step);
    else if (error) waiting.reject(new ModelError(error));
    else waiting.resolve(result);
  }
}
