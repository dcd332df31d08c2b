#!/bin/sh
# Benchmark A in small, on drawn cells: makes slides, evaluates, and checks the order of the rows.
set -eu
cd "$(dirname "$0")/.."
restain=target/release/restain
out=out/smoke
rm -rf $out
mkdir -p $out/source $out/target
draw() { # folder style slides...
    folder=$1 style=$2
    shift 2
    for slide in "$@"; do
        $restain synth slide "$out/$folder/$slide.mrxs" --size 2600x2600 --seed "$slide" --style "$style" \
            --abnormal 0.3 --annotations --quiet
    done
}
draw source new-scanner 1 2 3 4 5
draw target old-scanner 6 7 8 9
$restain evaluate --config pipelines/evaluate-smoke.yaml -o $out/results --device cpu --quiet
python3 - $out/results/results.json <<'PYTHON'
import json, sys

(benchmark,) = json.load(open(sys.argv[1]))["benchmarks"]


def accuracy(seed):
    """Mean on the target of the five checkpoints that are best on the source's validation part."""
    best = sorted(seed["checkpoints"], key=lambda at: (at["validation"]["accuracy"], at["step"]))[-5:]
    return sum(at["target"]["balanced_accuracy"] for at in best) / 5


found = {row["name"]: [accuracy(seed) for seed in row["seeds"]] for row in benchmark["rows"]}
mean = {name: sum(values) / len(values) for name, values in found.items()}
for name, values in found.items():
    print(f"{name:14} {100 * mean[name]:.1f} %   by seed:", *(f"{100 * value:.1f}" for value in values))
if not mean["color"] < mean["l1-gan1"] < mean["l1-gan1-gan2"]:
    sys.exit("smoke: color < l1-gan1 < l1-gan1-gan2 does not hold")
PYTHON
