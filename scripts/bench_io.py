#!/usr/bin/env python3
"""Everything but G against libvips: the same slide into the same kind of pyramid, in turns, in one run.

    scripts/bench_io.py [--size 16000x16000] [--rounds 3]

Both read what was scanned of a MIRAX slide (libvips with `autocrop`), composite it on the background (`rgb`), and
write a tiled BigTIFF pyramid of JPEG tiles of 512 px. libvips chooses its chroma subsampling by the quality: none from
Q 90 on, 4:2:0 below. So there are two pairs, each at the quality and the subsampling that both can do. Pixels a second
are those of level 0; start-up is part of the time on both sides.

Writes docs/benchmarks/io.md and target/bench/io.json, whose `ratios` are restain's median speed over libvips's.
"""
import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

from processes import run

TARGET = 1.5  # times as fast as libvips
ROOT = pathlib.Path(__file__).resolve().parent.parent
RESTAIN = ROOT / "target/release/restain"
FOLDER = ROOT / "out/bench"
PAIRS = {"4:4:4": 90, "4:2:0": 89}  # chroma subsampling: JPEG quality


def restain(slide, out, subsampling, quality):
    return run(RESTAIN, "normalize", slide, "-o", out, "--model", "identity", "--force", "--quiet",
               "--subsampling", subsampling, "--quality", quality)[1]


def vips(slide, out, _subsampling, quality):
    return run("vips", "tiffsave", f"{slide}[autocrop,rgb]", out, "--tile", "--pyramid", "--bigtiff",
               "--tile-width", 512, "--tile-height", 512, "--compression", "jpeg", "--Q", quality)[1]


def size_of(path):
    """Width and height of level 0, as libvips sees them."""
    fields = (subprocess.run(["vipsheader", "-f", side, path], capture_output=True, text=True, check=True)
              for side in ("width", "height"))
    return tuple(int(field.stdout) for field in fields)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="16000x16000", help="WxH of what is scanned")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    slide = FOLDER / f"io-{arguments.size}.mrxs"
    if not slide.exists():
        run(RESTAIN, "synth", "slide", slide, "--size", arguments.size, "--quiet")
    tools = {"restain": restain, "vips": vips}
    outputs = {name: FOLDER / f"io-{name}.tif" for name in tools}

    seconds = {(name, subsampling): [] for name in tools for subsampling in PAIRS}
    for turn in range(arguments.rounds + 1):
        for subsampling, quality in PAIRS.items():
            for name, tool in tools.items():
                taken = tool(slide, outputs[name], subsampling, quality)
                if turn > 0:  # the first turn fills the disk cache for both
                    seconds[name, subsampling].append(taken)
    sizes = {name: size_of(output) for name, output in outputs.items()}
    if sizes["restain"] != sizes["vips"]:
        sys.exit(f"the two did not write the same picture: {sizes}")
    width, height = sizes["restain"]
    speed = {key: width * height / 1e6 / statistics.median(taken) for key, taken in seconds.items()}
    ratios = {subsampling: speed["restain", subsampling] / speed["vips", subsampling] for subsampling in PAIRS}

    version = subprocess.run(["vips", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    result = {
        "width": width, "height": height, "processors": os.cpu_count(), "machine": platform.machine(),
        "libvips": version, "rounds": arguments.rounds, "target": TARGET, "ratios": ratios,
        "seconds": {f"{name} {subsampling}": taken for (name, subsampling), taken in seconds.items()},
        "mp_per_s": {f"{name} {subsampling}": value for (name, subsampling), value in speed.items()},
    }
    lines = [
        "# Reading, pyramid and writing", "",
        f"`make bench-io`: `restain normalize --model identity` and `vips tiffsave` ({version}) on the same slide of",
        f"{width:,} x {height:,} px, taking turns, {os.cpu_count()} processors, median of {arguments.rounds} turns.", "",
        "| chroma | quality | restain MP/s | libvips MP/s | ratio |", "| --- | --- | --- | --- | --- |",
    ]
    for subsampling, quality in PAIRS.items():
        ours, theirs = speed["restain", subsampling], speed["vips", subsampling]
        lines.append(f"| {subsampling} | {quality} | {ours:.1f} | {theirs:.1f} | {ratios[subsampling]:.2f} |")
    table = ROOT / "docs/benchmarks/io.md"
    table.write_text("\n".join(lines) + "\n")
    print(table.read_text())
    report = ROOT / "target/bench/io.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_text(json.dumps(result, indent=2) + "\n")
    print(f"{report.relative_to(ROOT)}; the target is {TARGET} times libvips")
    if min(ratios.values()) < TARGET:
        sys.exit(f"MISSED: {min(ratios.values()):.2f}")


if __name__ == "__main__":
    main()
