#!/usr/bin/env python3
"""Samples a text from a model: sample.py PROGRAM PROMPTS OUT

PROGRAM is a crate that edgegen emitted for this machine; line n of PROMPTS is answered with seed n.
Answers that break off lose their last, unfinished sentence; answers that are short or go in circles
are sampled once more at a higher temperature, then left out.
"""

import json
import re
import subprocess
import sys

MAX_TOKENS = "420"
SHORTEST = 120
SENTENCE_END = re.compile(r'[.!?]["”’)]?(?=\s)|\n(?=\n)|```(?=\n)')


def answer(program, kind, prompt, seed, temperature):
    options = ["--max-tokens", MAX_TOKENS, "--temperature", temperature, "--top-p", "0.95"]
    options += ["--seed", str(seed), "--json"] + (["--chat"] if kind == "chat" else [])
    run = subprocess.run([program, "generate", *options, "--", prompt], capture_output=True)
    made = json.loads(run.stdout.decode(errors="replace"))
    text = made["text"]
    if made["tokens_generated"] == int(MAX_TOKENS):
        ends = [match.end() for match in SENTENCE_END.finditer(text)]
        text = text[: ends[-1]] if ends else ""
    return text


def clean(text):
    """The text without broken characters and repeated lines; empty if little is left."""
    if "\ufffd" in text or "<|" in text:
        return ""
    lines, seen = [], set()
    for line in text.replace("\r", "").split("\n"):
        line = "".join(c for c in line if c == "\t" or c.isprintable()).rstrip()
        if len(line) > 20 and line in seen:
            continue
        seen.add(line)
        lines.append(line)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
    words = text.lower().split()
    triples = list(zip(words, words[1:], words[2:]))
    varied = len(set(triples)) >= 0.85 * len(triples)
    return text if len(text) >= SHORTEST and varied else ""


def main():
    program, prompts, out = sys.argv[1:]
    with open(prompts) as lines, open(out, "w") as file:
        for seed, line in enumerate(lines, 1):
            if line.startswith("#"):
                continue
            kind, prompt = line.strip().split(" ", 1)
            for temperature in ["0.8", "1.0"]:
                text = answer(program, kind, prompt, seed, temperature).strip("\n")
                whole = f"{prompt}\n\n{text}" if kind == "chat" else f"{prompt}{text}"
                if whole := clean(whole):
                    file.write(whole + "\n\n")
                    break



main()
