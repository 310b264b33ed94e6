"""Writes tiny.bin and tokenizer.bin: a small untrained model in llama2.c's format.

It is there so that the whole path runs without a download; its text means nothing.
"""

import os
import random
import struct

DIM, HIDDEN, LAYERS, HEADS, KV_HEADS, CONTEXT = 32, 64, 2, 4, 2, 64
LETTERS = " etaoinshrdlucmfwypvbgkjqxz.,!?'"
MERGED = ["he", "in", "er", "an", "re", "on", "at", "en", "th", " t", " a", " th", " the", "ing", "hel", "lo", "hello"]


def tokens():
    """Piece and score, as sentencepiece numbers them; merges of higher score come first."""
    yield "<unk>", 0.0
    yield "\n<s>\n", 0.0
    yield "\n</s>\n", 0.0
    for byte in range(256):
        yield f"<0x{byte:02X}>", 0.0
    # Every piece is two others, merged.
    for rank, piece in enumerate(MERGED):
        yield piece, -float(rank)
    for rank, letter in enumerate(LETTERS):
        yield letter, -1000.0 - rank


def main():
    folder = os.path.dirname(os.path.abspath(__file__))
    pieces = list(tokens())
    with open(os.path.join(folder, "tokenizer.bin"), "wb") as file:
        encoded = [(piece.encode(), score) for piece, score in pieces]
        file.write(struct.pack("<i", max(len(piece) for piece, _ in encoded)))
        for piece, score in encoded:
            file.write(struct.pack("<fi", score, len(piece)) + piece)

    rng = random.Random(20)
    head_dim = DIM // HEADS
    kv_dim = KV_HEADS * head_dim

    def matrix(rows, cols):
        return [rng.gauss(0.0, cols**-0.5) for _ in range(rows * cols)]

    ones = [1.0] * DIM
    tensors = [matrix(len(pieces), DIM)]
    tensors += [ones] * LAYERS
    for rows, cols in [(DIM, DIM), (kv_dim, DIM), (kv_dim, DIM), (DIM, DIM)]:
        tensors += [matrix(rows, cols) for _ in range(LAYERS)]
    tensors += [ones] * LAYERS
    for rows, cols in [(HIDDEN, DIM), (DIM, HIDDEN), (HIDDEN, DIM)]:
        tensors += [matrix(rows, cols) for _ in range(LAYERS)]
    tensors.append(ones)
    # Rotation tables, which llama2.c's loader skips.
    tensors.append([0.0] * (CONTEXT * head_dim))
    with open(os.path.join(folder, "tiny.bin"), "wb") as file:
        file.write(struct.pack("<7i", DIM, HIDDEN, LAYERS, HEADS, KV_HEADS, len(pieces), CONTEXT))
        for tensor in tensors:
            file.write(struct.pack(f"<{len(tensor)}f", *tensor))


main()
