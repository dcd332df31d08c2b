#!/usr/bin/env python3
"""A slide through G into a pyramid: restain against scripts/slide_peer.py, whole processes, taking turns.

    target/peers/bin/python scripts/bench_slide.py [--size 8000x8000] [--rounds 3]

The same slide, the same G (bf16 both), the same halo, tile and JPEG quality; start-up is part of the time. Both results
are compared, so that equal work is compared.

Writes docs/benchmarks/slide.md and target/bench/slide.json, whose `ratios` are restain's median speed over the peer's.
"""
import argparse
import json
import os
import pathlib
import statistics
import sys

from processes import run

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESTAIN = ROOT / "target/release/restain"
FOLDER = ROOT / "out/bench"
TARGET = 1.3


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="8000x8000", help="WxH of what is scanned")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    slide = FOLDER / f"slide-{arguments.size}.mrxs"
    if not slide.exists():
        run(RESTAIN, "synth", "slide", slide, "--size", arguments.size, "--quiet")
    ours, theirs = FOLDER / "slide-restain.tif", FOLDER / "slide-peer.tif"
    commands = {
        "restain": (RESTAIN, "normalize", slide, "-o", ours, "--device", "cpu", "--precision", "bf16", "--gray", "model", "--force", "--json", "--quiet"),
        "script": (sys.executable, ROOT / "scripts/slide_peer.py", slide, theirs),
    }
    seconds, memory, report = {name: [] for name in commands}, {name: 0 for name in commands}, {}
    for turn in range(arguments.rounds + 1):
        for name, command in commands.items():
            printed, taken, peak = run(*command)
            memory[name] = max(memory[name], peak)
            if name == "restain":
                report = json.loads(printed)
            if turn > 0:  # the first turn fills the disk cache for both
                seconds[name].append(taken)
    difference = json.loads(run(RESTAIN, "compare", ours, theirs, "--json")[0])
    speed = {name: report["pixels"] / 1e6 / statistics.median(taken) for name, taken in seconds.items()}
    ratio = speed["restain"] / speed["script"]
    stages = report["stage_seconds"]
    lines = [
        "# From slide to pyramid through G", "",
        f"`make bench-slide`: `restain normalize` ({report['model']['kernels']}) and `scripts/slide_peer.py` (OpenSlide on",
        f"threads, PyTorch bf16 channels-last, libvips) on the same slide of {arguments.size} px, taking turns,",
        f"{len(os.sched_getaffinity(0))} processors, median of {arguments.rounds} turns.", "",
        "| | MP/s | peak memory, MiB |", "| --- | --- | --- |",
        *(f"| {name} | {speed[name]:.2f} | {memory[name]:.0f} |" for name in commands),
        "", f"restain is {ratio:.2f} times as fast; the target is {TARGET}. The two results differ by "
        f"{difference['mean_difference']:.2f} grey levels on average (PSNR {difference['psnr_db']:.1f} dB), JPEG included.",
        "", f"Seconds that restain's stages were at work in the last run of {report['seconds']:.1f} s, summed over their threads:",
        "", "| " + " | ".join(stages) + " |", "| --- " * len(stages) + "|",
        "| " + " | ".join(f"{value:.2f}" for value in stages.values()) + " |",
    ]
    (ROOT / "docs/benchmarks/slide.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    result = {"mp_per_s": speed, "memory_mib": memory, "stages": stages, "ratios": {"slide": ratio}, "target": TARGET}
    path = ROOT / "target/bench/slide.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    if ratio < TARGET:
        sys.exit(f"MISSED: {ratio:.2f}")


if __name__ == "__main__":
    main()
