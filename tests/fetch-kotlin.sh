#!/usr/bin/env bash
# Prints the path of a JAR with Kotlin's compiler, its library and coroutines, as fetch.sh fetches it.
exec "$(dirname "$0")/fetch.sh" kotlin-jupyter-kernel-0.19.0-944-all.jar \
    adee2a5866760968055f8b73801d8e695d63be1faad7069b3849a527ce2f9b3b \
    'run_kotlin_kernel/jars/kotlin-jupyter-kernel-0.19.0-944-all.jar' kotlin-jupyter-kernel==0.19.0.944
