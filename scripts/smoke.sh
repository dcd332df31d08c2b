#!/bin/sh
# Benchmark A in small, on drawn cells: makes slides of two scanners, evaluates, and checks the order of the rows.
set -eu
cd "$(dirname "$0")/.."
restain=target/release/restain
out=out/smoke
rm -rf $out
mkdir -p $out/source $out/target
for slide in 1 2 3 4 5; do
    $restain synth slide $out/source/$slide.mrxs --size 2600x2600 --seed $slide --style old-scanner --abnormal 0.3 --annotations --quiet
done
for slide in 6 7; do
    $restain synth slide $out/target/$slide.mrxs --size 2600x2600 --seed $slide --style new-scanner --abnormal 0.3 --annotations --quiet
done
$restain evaluate --config pipelines/evaluate-smoke.yaml -o $out/results --device cpu --quiet
python3 - $out/results/results.json <<'PYTHON'
import json, sys

(benchmark,) = json.load(open(sys.argv[1]))["benchmarks"]


def accuracy(row):
    """Mean accuracy on the target of the five checkpoints that are best on the source's validation part."""
    (seed,) = row["seeds"]
    best = sorted(seed["checkpoints"], key=lambda at: (at["validation"]["accuracy"], at["step"]))[-5:]
    return sum(at["target"]["balanced_accuracy"] for at in best) / 5


found = {row["name"]: accuracy(row) for row in benchmark["rows"]}
print("  ".join(f"{name} {100 * value:.1f} %" for name, value in found.items()))
if not found["color"] < found["l1-gan1"] < found["l1-gan1-gan2"]:
    sys.exit("smoke: color < l1-gan1 < l1-gan1-gan2 does not hold")
PYTHON
