// Asks a package's model in Node: node ask.mjs WEB QUESTIONS; see tests/c/ask.c.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const [web, questions] = process.argv.slice(2);
const { loadEngine } = await import(join(web, "dist/loader.js"));
const server = spawn("node", [join(web, "serve.mjs"), "0"], { stdio: ["ignore", "pipe", "inherit"] });
const origin = await new Promise((resolve) => {
  server.stdout.once("data", (line) => resolve(new URL(String(line).trim())));
});
const { engine } = await loadEngine(origin);

for (const line of readFileSync(questions, "utf8").split("\n").slice(0, -1)) {
  const [kind, system, prompt, ...numbers] = line.split("\t");
  const [maxTokens, temperature, topK, topP] = numbers.map(Number);
  const options = numbers.length > 0 ? { maxTokens, temperature, topK, topP, seed: BigInt(numbers[4]) } : {};
  const steps =
    kind === "generate"
      ? engine.generate(prompt, options)
      : engine.chat(prompt, kind === "system" ? { ...options, system } : options);
  let [text, tokens, next] = ["", []];
  while (!(next = steps.next()).done) {
    text += next.value.text;
    if (next.value.token >= 0) tokens.push(next.value.token);
  }
  console.log([Buffer.from(text).toString("hex"), next.value, tokens].join("\t"));
}
server.kill();
