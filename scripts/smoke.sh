#!/bin/sh
# Benchmark A in small, on drawn cells: makes slides, evaluates, and checks the order of the rows.
#
# Each stage brings pictures nearer to the truth, with every seed: Color < L1+GAN1 < L1+GAN1+GAN2. So small a T varies by more
# points of accuracy than stage one gains, so of accuracy only both stages together have to gain, on the mean of the seeds.
set -eu
cd "$(dirname "$0")/.."
restain=target/release/restain
out=out/smoke
rm -rf $out
mkdir -p $out
for slide in 1 2 3 4 5 6 7 8 9; do
    $restain synth slide "$out/$slide.mrxs" --size 2600x2600 --seed $slide --style new-scanner --abnormal 0.3 \
        --annotations --quiet
done
$restain evaluate --config pipelines/evaluate-smoke.yaml -o $out/results --device cpu --quiet
python3 - $out/results/results.json <<'PYTHON'
import json, sys

(benchmark,) = json.load(open(sys.argv[1]))["benchmarks"]
rows = {row["name"]: row["seeds"] for row in benchmark["rows"]}
order = ["color", "l1-gan1", "l1-gan1-gan2"]


def accuracy(seed):
    """Mean on the target of the five checkpoints that are best on the source's validation part."""
    best = sorted(seed["checkpoints"], key=lambda at: (at["validation"]["accuracy"], at["step"]))[-5:]
    return sum(at["target"]["accuracy"] for at in best) / 5


mean = {}
for name, seeds in rows.items():
    mean[name] = sum(map(accuracy, seeds)) / len(seeds)
    near = [seed["fidelity"] for seed in seeds if seed["fidelity"]]
    print(f"{name:14} accuracy {100 * mean[name]:.1f} %",
          "; PSNR by seed:", *(f"{at['psnr']:.1f} dB" for at in near),
          "; CIEDE2000:", *(f"{at['ciede2000']:.1f}" for at in near))
for seed in range(len(rows["color"])):
    psnr, ciede = ([rows[name][seed]["fidelity"][key] for name in order] for key in ("psnr", "ciede2000"))
    if psnr != sorted(psnr) or ciede != sorted(ciede, reverse=True):
        sys.exit("smoke: with each stage pictures are to come nearer to the truth, and do not")
if not mean["color"] < mean["l1-gan1-gan2"]:
    sys.exit("smoke: accuracy is to be above that of color after both stages, and is not")
PYTHON
