/** How far loading is, in bytes. */
export interface Progress {
  loaded: number;
  total: number;
  /** The file that bytes came from. */
  file: string;
  /** Whether they came from the browser's cache. */
  cached: boolean;
}

export interface LoadOptions {
  onProgress?: (progress: Progress) => void;
  /** Stops loading. */
  signal?: AbortSignal;
}

export interface GenerateOptions {
  /** Tokens at most; the context is a limit too. */
  maxTokens?: number;
  /** 0 (the default) takes the most probable token; 1 leaves the probabilities as they are. */
  temperature?: number;
  /** Only so many of the most probable tokens are sampled; 0 is all. */
  topK?: number;
  /** Only the most probable tokens that have this probability together are sampled; 1 is all. */
  topP?: number;
  /** Equal seeds give equal texts, on every machine. */
  seed?: number | bigint;
  /** Text as it is generated. */
  onToken?: (text: string) => void;
  /** Tokens of the prompt that are yet to be read. */
  onPrompt?: (left: number) => void;
  /** Cancels the answer: the promise is rejected with the signal's reason. */
  signal?: AbortSignal;
}

export interface ChatOptions extends GenerateOptions {
  /** The system message, if the model's template has a place for it. */
  system?: string;
}

export interface Answer {
  text: string;
  /** Why it ended. */
  finish: "stop" | "max_tokens" | "context_full";
  /** Tokens generated. */
  tokens: number;
  secondsToFirstToken: number;
  /** Of decoding; undefined where there is too little to tell. */
  tokensPerSecond: number | undefined;
}

/** Why the model could not be loaded, or refused a request; `name` is the kind. */
export class ModelError extends Error {}

/** A conversation with the model, in a worker. Requests wait for those before them. */
export class Session {
  private constructor();
  readonly name: string;
  /** Tokens that the session holds. */
  readonly context: number;
  /** Bytes of memory that model and session take. */
  readonly memoryBytes: number;
  readonly hasChat: boolean;
  /** The hash that `selfTest` must give. */
  readonly hash: string;
  /** Continues a prompt. */
  generate(prompt: string, options?: GenerateOptions): Promise<Answer>;
  /** Answers a message with the model's chat template. */
  chat(message: string, options?: ChatOptions): Promise<Answer>;
  /** Compares this browser's results with the compiler's, to the bit, and gives their hash. */
  selfTest(): Promise<string>;
  /** What the session has read and written. */
  save(): Promise<Uint8Array>;
  /** Takes over what `save` gave; another model's bytes are refused. */
  restore(saved: Uint8Array): Promise<void>;
  /** Ends the worker and frees its memory, whatever is under way; more than once does no harm. */
  close(): void;
}

/** Loads the model from a folder; by default from this module's own. */
export function load(url?: string | URL, options?: LoadOptions): Promise<Session>;
