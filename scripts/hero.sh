#!/usr/bin/env bash
# Makes docs/images/before-after.png, the picture at the top of README.md: a drawn slide of the new scanner and what
# the shipped model makes of it. See `make hero`.
set -euo pipefail
cd "$(dirname "$0")/.."
restain=target/release/restain
slide=out/hero/hero.mrxs
output=out/hero/hero.tif

mkdir -p out/hero docs/images
"$restain" synth slide "$slide" --size 4096x2560 --style new-scanner --seed 7 --force
"$restain" normalize "$slide" -o "$output" --quality 95 --force
target/venv/bin/python scripts/before_after.py "$slide" "$output" docs/images/before-after.png --width 1200
ls -l docs/images/before-after.png
