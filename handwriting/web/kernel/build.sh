#!/usr/bin/env bash
# Builds the page's kernel from kernel.c with clang and lld (Debian's packages of these names).
# Usage: handwriting/web/kernel/build.sh [OUT.wasm]
set -euo pipefail
cd "$(dirname "$0")"
"${CLANG:-clang}" --target=wasm32 -O3 -msimd128 -ffreestanding -fno-math-errno -nostdlib \
    -Wall -Wextra -Werror \
    -Wl,--no-entry -Wl,--strip-all -Wl,--export=__heap_base -Wl,-z,stack-size=16384 \
    -o "${1:-../page/engine/kernel.wasm}" kernel.c
