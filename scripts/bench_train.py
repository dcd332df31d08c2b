#!/usr/bin/env python3
"""One training step of G, restain against PyTorch in f32: batch 4, 128 px, base 32, L1, Adam, taking turns.

    target/peers/bin/python scripts/bench_train.py [--rounds 5] [--steps 12]

A turn is some steps of each: of `restain train`, whose loss log tells the seconds of every step, its data included, and
of PyTorch on batches that lie in memory. The first steps of a turn warm up and do not count.

Writes docs/benchmarks/train.md and target/bench/train.json, whose `ratios` are restain's speed over PyTorch's by the
medians of all steps.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile
import time

import numpy
import torch
from PIL import Image

from torch_g import Generator

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESTAIN = ROOT / "target/release/restain"
BATCH, SIDE, WARM_UP = 4, 128, 2
CONFIG = """
name: bench
output: {folder}/out
source: {{ sources: [folder: {{ path: {folder}/pictures }}] }}
patches: {{ side: {side} }}
seed: 1
base: 32
batch: {batch}
stages:
  - steps: {steps}
    losses: {{ l1: 1 }}
    learning_rate: {{ g: 2.0e-4 }}
    schedule: {{ decay: linear, decay_from: 1.0 }}
adam: {{ beta1: 0.9, beta2: 0.999, epsilon: 1.0e-8 }}
augmentation: {{ gray_jitter: 0.03, blank_probability: 0.1 }}
checkpoint_every: 1000000
card: {{ source_style: none, trained_on: nothing, licence: none }}
"""


def restain(folder, steps):
    """Seconds of each step of a fresh run."""
    shutil.rmtree(folder / "out", ignore_errors=True)
    config = folder / "config.yaml"
    config.write_text(CONFIG.format(folder=folder, side=SIDE, batch=BATCH, steps=steps))
    subprocess.run([RESTAIN, "train", "--config", config, "--quiet", "--device", "cpu"], check=True)
    with open(folder / "out/log.jsonl") as log:
        return [json.loads(line)["seconds"] for line in log]


class Torch:
    def __init__(self):
        torch.manual_seed(1)
        self.model = Generator(32).train()
        self.optimizer = torch.optim.Adam(self.model.parameters(), 2e-4)

    def __call__(self, steps):
        seconds = []
        for _ in range(steps):
            x, y = torch.rand(BATCH, 2, SIDE, SIDE), torch.rand(BATCH, 3, SIDE, SIDE)
            started = time.perf_counter()
            self.optimizer.zero_grad()
            (self.model(x) - y).abs().mean().backward()
            self.optimizer.step()
            seconds.append(time.perf_counter() - started)
        return seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=12)
    arguments = parser.parse_args()
    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    peer, times = Torch(), {"restain": [], "PyTorch": []}
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "pictures").mkdir()
        pixels = numpy.random.default_rng(1).integers(0, 256, (2, 512, 512, 3), dtype=numpy.uint8)
        for index, picture in enumerate(pixels):
            Image.fromarray(picture).save(folder / f"pictures/{index}.png")
        for _ in range(arguments.rounds):
            times["restain"] += restain(folder, arguments.steps)[WARM_UP:]
            times["PyTorch"] += peer(arguments.steps)[WARM_UP:]
    medians = {name: statistics.median(taken) for name, taken in times.items()}
    ratio = medians["PyTorch"] / medians["restain"]
    lines = [
        "# A training step of G on the CPU", "",
        f"`make bench-train`: batch {BATCH}, {SIDE} px, base width 32, L1, Adam, f32; median of "
        f"{len(times['restain'])} steps in {arguments.rounds} turns,",
        f"{threads} processors, PyTorch {torch.__version__}.", "",
        "| | ms a step | steps a second |", "| --- | --- | --- |",
        *(f"| {name} | {1e3 * median:.1f} | {1 / median:.2f} |" for name, median in medians.items()),
        "", f"restain is {ratio:.2f} times as fast; the target is 0.8.",
    ]
    (ROOT / "docs/benchmarks/train.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    report = ROOT / "target/bench/train.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps({"seconds": medians, "ratios": {"train": ratio}, "target": 0.8}, indent=2) + "\n")


if __name__ == "__main__":
    main()
