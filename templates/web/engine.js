// The model's WebAssembly module behind a small synchronous interface, for a worker or for Node.

const DECODER = new TextDecoder();
const ENCODER = new TextEncoder();
const PAGE = 65536;
const VERSION = 1;
const OK = 0;
const DONE = 1;
const FINISH = ["running", "stop", "max_tokens", "context_full"];
// Offsets in the scratch memory, of C structures as edge_model.h declares them.
const OPTIONS = 0;
const PIECE = 32;
const RESULT = 64;
const SCRATCH = 96;

/** An error that the model's library reports. */
export class ModelError extends Error {
  name = "ModelError";
}

/** One session with a model, on the thread that makes it. */
export class Engine {
  #wasm;
  #memory;
  #top;
  #scratch;
  #text = { at: 0, room: 0 };
  #session;

  /** Takes an instance whose weights are in its memory. */
  constructor(instance) {
    this.#wasm = instance.exports;
    this.#memory = instance.exports.memory;
    this.#top = instance.exports.__heap_base.value;
    const version = this.#wasm.edge_version();
    if (version !== VERSION) {
      throw new ModelError(`the module has interface ${version}, this script ${VERSION}: take both from one build`);
    }
    this.#scratch = this.#reserve(SCRATCH);
    const size = this.#wasm.edge_session_bytes();
    const status = this.#wasm.edge_open(this.#reserve(size), size, this.#scratch + RESULT);
    if (status !== OK) {
      throw new ModelError(`no session: status ${status}`);
    }
    this.#session = this.#view().getUint32(this.#scratch + RESULT, true);
  }

  /** The model's name. */
  get name() {
    this.#wasm.edge_model_name(this.#scratch + RESULT);
    return this.#textAt(this.#scratch + RESULT);
  }

  /** Tokens that the session holds. */
  get context() {
    return this.#wasm.edge_context();
  }

  /** Bytes of the module's memory: weights, session and stack. */
  get memoryBytes() {
    return this.#memory.buffer.byteLength;
  }

  /** Continues a prompt; gives `{text, token, promptLeft}` for each step and returns why it ended. */
  *generate(prompt, options) {
    const [text] = this.#put(prompt);
    this.#check(this.#wasm.edge_generate(this.#session, ...text, this.#options(options)));
    return yield* this.#steps();
  }

  /** Answers a message with the model's chat template; otherwise as `generate`. */
  *chat(message, options) {
    const system = options?.system ?? null;
    const [user, first] = this.#put(message, system ?? "");
    const texts = [...(system === null ? [0, 0] : first), ...user];
    this.#check(this.#wasm.edge_chat(this.#session, ...texts, this.#options(options)));
    return yield* this.#steps();
  }

  /** The hash of the logits of fixed tokens, equal on every machine; an error if it is not. */
  selfTest() {
    const at = this.#scratch + RESULT;
    this.#check(this.#wasm.edge_self_test(this.#session, at));
    return this.#view().getBigUint64(at, true).toString(16).padStart(16, "0");
  }

  /** What the session has read and written, to go on from with `restore`. */
  save() {
    const len = this.#wasm.edge_saved_bytes(this.#session);
    const at = this.#room(len);
    this.#check(this.#wasm.edge_save(this.#session, at, len));
    return this.#bytes(at, len).slice();
  }

  /** Takes a saved state over; another model's is refused. */
  restore(saved) {
    const at = this.#room(saved.length);
    this.#bytes(at, saved.length).set(saved);
    this.#check(this.#wasm.edge_restore(this.#session, at, saved.length));
  }

  *#steps() {
    const piece = this.#scratch + PIECE;
    for (;;) {
      const status = this.#wasm.edge_next(this.#session, piece);
      if (status === DONE) {
        return FINISH[this.#wasm.edge_finish(this.#session)];
      }
      this.#check(status);
      const view = this.#view();
      yield {
        text: this.#textAt(piece),
        token: view.getInt32(piece + 8, true),
        promptLeft: view.getUint32(piece + 12, true),
      };
    }
  }

  #options({ maxTokens, temperature, topK, topP, seed } = {}) {
    const at = this.#scratch + OPTIONS;
    this.#wasm.edge_default_options(at);
    const view = this.#view();
    if (maxTokens !== undefined) view.setUint32(at, maxTokens, true);
    if (temperature !== undefined) view.setFloat32(at + 4, temperature, true);
    if (topK !== undefined) view.setUint32(at + 8, topK, true);
    if (topP !== undefined) view.setFloat32(at + 12, topP, true);
    if (seed !== undefined) view.setBigUint64(at + 16, BigInt(seed), true);
    return at;
  }

  #check(status) {
    if (status !== OK) {
      this.#wasm.edge_message(this.#scratch + RESULT, this.#session);
      throw new ModelError(this.#textAt(this.#scratch + RESULT));
    }
  }

  /** Memory above all that the module itself uses. */
  #reserve(bytes) {
    const at = Math.ceil(this.#top / 16) * 16;
    this.#top = at + bytes;
    const missing = this.#top - this.#memory.buffer.byteLength;
    if (missing > 0) {
      this.#memory.grow(Math.ceil(missing / PAGE));
    }
    return at;
  }

  /** Memory for text and states, used again and again. */
  #room(bytes) {
    if (bytes > this.#text.room) {
      this.#text = { at: this.#reserve(bytes), room: bytes };
    }
    return this.#text.at;
  }

  /** Copies texts into the module's memory; gives each one's address and length. */
  #put(...texts) {
    const parts = texts.map((text) => ENCODER.encode(text));
    let end = this.#room(parts.reduce((sum, { length }) => sum + length, 0));
    return parts.map((bytes) => {
      const at = end;
      this.#bytes(at, bytes.length).set(bytes);
      end += bytes.length;
      return [at, bytes.length];
    });
  }

  #textAt(place) {
    const view = this.#view();
    return DECODER.decode(this.#bytes(view.getUint32(place, true), view.getUint32(place + 4, true)));
  }

  #bytes(at, len) {
    return new Uint8Array(this.#memory.buffer, at, len);
  }

  #view() {
    return new DataView(this.#memory.buffer);
  }
}
