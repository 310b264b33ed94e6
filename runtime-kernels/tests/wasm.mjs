// Runs the suite's module, and expects the names of the instruction sets that it should run on.
import { readFileSync } from "node:fs";

const [path, expected] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(readFileSync(path));
const { memory, run_suite, message, message_length } = instance.exports;

const equal = run_suite() === 1;
const text = new TextDecoder().decode(new Uint8Array(memory.buffer, message(), message_length()));
console.log(`wasm: ${text}`);
if (!equal || text !== `equal: ${expected}`) {
  console.error(`should have been: equal: ${expected}`);
  process.exit(1);
}
