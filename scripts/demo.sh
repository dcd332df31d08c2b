#!/usr/bin/env bash
# Makes a slide, normalizes it, has other readers check the result, and shows before and after. See `make demo`.
set -euo pipefail
cd "$(dirname "$0")/.."
restain=target/release/restain
slide=out/demo/demo.mrxs
output=out/demo/demo.tif
picture=out/demo/before-after.png

step() { printf '\n== %s\n' "$*"; }

mkdir -p out/demo
step "a slide, as a MIRAX scanner writes it"
"$restain" synth slide "$slide" --size 8000x8000 --coverage 0.8 --style new-scanner --seed 1 --force
"$restain" inspect "$slide"

step "its stain removed, and stained anew"
"$restain" normalize "$slide" -o "$output" --force

step "what other readers make of the result"
target/venv/bin/python scripts/check_output.py "$output" --size 8000x8000 --mpp 0.25

step "before and after"
target/venv/bin/python scripts/before_after.py "$slide" "$output" "$picture"
echo "slide    $PWD/$slide"
echo "result   $PWD/$output"
echo "picture  $PWD/$picture"
