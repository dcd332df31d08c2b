#!/usr/bin/env python3
"""The floor of each stage: what it must do at what this machine does at most, and what it took.

    scripts/bench_floor.py [--size 4000x4000] [--rounds 5]

The example `floor` of restain-pipeline measures the machine and counts the work of a slide; `restain normalize` says what
each stage took. A stage's floor is the longest of its parts, each alone: multiply-adds, pixels to decode or encode,
bytes to read and write. What was tried is run again where a switch still chooses between both ways: the speed it should
give by the same rates and counts, and the speed it gives.

All take turns, and of every rate the highest counts, of all seconds the least: what other programs leave in peace.

Writes docs/benchmarks/floor.md and target/bench/floor.json, whose `ratios` say how much of its floor's speed a stage
reaches. Ends with an error where one is faster than its floor: then the floor is wrong.
"""
import argparse
import json
import pathlib
import resource
import sys

from processes import run

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESTAIN = ROOT / "target/release/restain"
FLOOR = ROOT / "target/release/examples/floor"
FOLDER = ROOT / "out/bench"
TILE = 512  # of the output
CORE = 1024  # what G works on unless told otherwise
NOISE = 1.03  # how much faster than its floor a stage may seem
IDENTITY = ("--model", "identity", "--threads", 1)
# Ways to run `restain normalize`: RESTAIN_CPU and options.
WAYS = {
    "all threads": ("", ()),
    "one thread": ("", ("--threads", 1)),
    "identity": ("", IDENTITY),
    "4:2:0": ("", (*IDENTITY, "--subsampling", "4:2:0")),
    "f32": ("", ("--precision", "f32")),
    "avx2": ("avx2", ("--precision", "f32")),
    "portable": ("portable", ("--precision", "f32")),
    "512": ("", ("--tile", 512)),
    "2048": ("", ("--tile", 2048)),
}


def normalize(slide, out, processor, options):
    """The report of a run, and the seconds it had of processors, which other programs do not stretch."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    printed = run("env", f"RESTAIN_CPU={processor}", RESTAIN, "normalize", slide, "-o", out, "--device", "cpu", "--force",
                  "--json", "--quiet", *options)[0]
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(printed) | {"processor_seconds": used}


def of_g(reports, way):
    """Processor seconds of G: those of a run beyond those of one with the identity model."""
    return reports[way]["processor_seconds"] - reports["identity"]["processor_seconds"]


def better(old, new, key=""):
    """The least of seconds and the highest of rates in two reports; of all else, the old."""
    if isinstance(old, dict):
        return {name: better(old[name], new[name], key if key.endswith(("seconds", "_per_s")) else name) for name in old}
    if isinstance(old, list):
        return [better(*pair, key) for pair in zip(old, new)]
    return min(old, new) if key.endswith("seconds") else max(old, new) if key.endswith("_per_s") else old


def pyramid_pixels(width, height):
    """Pixels of the tiles of all levels."""
    columns, rows = -(-width // TILE), -(-height // TILE)
    above = 0 if columns * rows == 1 else pyramid_pixels(-(-width // 2), -(-height // 2))
    return columns * rows * TILE ** 2 + above


def stage_floors(report, facts):
    """For each stage: what it works on, how many bytes a pixel it moves, and its floor in seconds of one thread."""
    work, jpeg, kernels = facts["work"][str(CORE)], facts["jpeg"], report["model"]["kernels"]
    windows, pixels, levels = work["window_pixels"], work["pixels"], pyramid_pixels(report["width"], report["height"])
    value = 2 if "BF16" in kernels else 4  # bytes
    decoded = jpeg["pixels"] / jpeg["decode_pixels_per_s"][0]
    multiplied = work["multiply_adds"] / facts["multiply_adds_per_s"][kernels][0]
    encoded = levels / jpeg["encode_pixels_per_s"]["4:4:4"][0]
    stages = {
        # OpenSlide writes 4 bytes a pixel, which are read to write 3.
        "read": (f"{jpeg['pixels'] / pixels:.2f} px decoded", decoded, jpeg["bytes"] + (4 + 4 + 3) * windows),
        # RGB to GM, two f32.
        "stain": ("", 0, (3 + 8) * windows),
        "generate": (f"{work['multiply_adds'] / pixels / 1e3:.1f} thousand multiply-adds", multiplied,
                     8 * windows + value * work["values"] + 3 * pixels),
        # Cores into tiles, and each level read to write the next, which has a quarter of its pixels.
        "reassemble": ("", 0, (3 + 3) * pixels + (3 + 3 / 4) * 4 / 3 * pixels),
        "encode": (f"{levels / pixels:.2f} px encoded", encoded, 3 * levels + report["bytes"]),
    }
    copy = facts["memory_bytes_per_s"]["copy"][0]
    floors = {name: (what, moved / pixels, max(seconds, moved / copy)) for name, (what, seconds, moved) in stages.items()}
    return floors | {"write": ("", report["bytes"] / pixels, report["bytes"] / facts["file_bytes_per_s"]["taken"])}


def trials(reports, facts):
    """What was tried: speed after over speed before, as rates and counts predict it, and as it came."""
    def stage(name, before, after):
        return reports[before]["stage_seconds"][name] / reports[after]["stage_seconds"][name]

    def g(before, after):
        return of_g(reports, before) / of_g(reports, after)

    rates, encode, alone = facts["multiply_adds_per_s"], facts["jpeg"]["encode_pixels_per_s"], facts["alone"]
    tried = []
    before = "all threads"
    for after in ("f32", "avx2", "portable"):
        [old, new] = [reports[way]["model"]["kernels"] for way in (before, after)]
        if old != new:
            processor, options = WAYS[after]
            switch = f"RESTAIN_CPU={processor}" if processor else " ".join(options)
            tried.append((f"G: {new} after {old} (`{switch}`)", rates[new][0] / rates[old][0], g(before, after)))
            before = after
    adds = {side: work["multiply_adds"] for side, work in facts["work"].items()}
    for side in ("512", "2048"):
        tried.append((f"G: cores of {side} px after {CORE} (`--tile {side}`)", adds[str(CORE)] / adds[side],
                      g("all threads", side)))
    work = facts["work"][str(CORE)]
    return tried + [
        ("G: what a core needs after all of its window (alone)",
         alone["multiply_adds_whole"] / alone["multiply_adds_core"], alone["g_whole_seconds"] / alone["g_core_seconds"]),
        ("read: windows without their halo (`--model identity`)", work["window_pixels"] / work["pixels"],
         stage("read", "one thread", "identity")),
        ("encode: 4:2:0 after 4:4:4 (`--subsampling 4:2:0`)", encode["4:2:0"][0] / encode["4:4:4"][0],
         stage("encode", "identity", "4:2:0")),
    ]


def table(head, rows):
    return [f"| {' | '.join(head)} |", "| --- " * len(head) + "|", *(f"| {' | '.join(row)} |" for row in rows)]


def machine_table(facts):
    def row(name, unit, values, places):
        return [name, *(f"{value / unit:.{places}f}" for value in values)]

    jpeg, memory, file = facts["jpeg"], facts["memory_bytes_per_s"], facts["file_bytes_per_s"]
    return table(["", "one thread", f"{facts['threads']} threads"], [
        *(row(f"{kernels}: 10⁹ multiply-adds a second", 1e9, values, 1) for kernels, values in facts["multiply_adds_per_s"].items()),
        row("memory read: GB a second", 1e9, memory["read"], 1),
        row("memory copied, read and written bytes: GB a second", 1e9, memory["copy"], 1),
        row("the slide's JPEG decoded, libjpeg-turbo alone: MP a second", 1e6, jpeg["decode_pixels_per_s"], 0),
        *(row(f"the output's tiles encoded, quality 90, {name}: MP a second", 1e6, values, 0)
          for name, values in jpeg["encode_pixels_per_s"].items()),
        [*row("file: GB a second that the system takes", 1e9, [file["taken"]], 1), ""],
        [*row("file: GB a second until it is on the disk", 1e9, [file["stored"]], 1), ""],
    ])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="4000x4000", help="WxH of what is scanned, less than 200 megapixels")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    width, height = map(int, arguments.size.split("x"))
    if width * height >= 200e6:
        sys.exit("a slide that large shows the same pictures again and again")
    FOLDER.mkdir(parents=True, exist_ok=True)
    slide, out, other = FOLDER / f"slide-{arguments.size}.mrxs", FOLDER / "floor.tif", FOLDER / "floor-other.tif"
    if not slide.exists():
        run(RESTAIN, "synth", "slide", slide, "--size", arguments.size, "--quiet")

    reports, facts = {}, {}
    for _ in range(arguments.rounds):
        for way, (processor, options) in WAYS.items():
            report = normalize(slide, out if way == "all threads" else other, processor, options)
            reports[way] = better(reports.get(way, report), report)
        found = json.loads(run(FLOOR, slide, out)[0])
        facts = better(facts or found, found)
    every, one = reports["all threads"], reports["one thread"]
    threads = facts["threads"]

    floors = stage_floors(one, facts)
    taken = one["stage_seconds"] | {
        "generate": min(one["stage_seconds"]["generate"], of_g(reports, "one thread")),
    }
    run_floor = sum(floor for _, _, floor in floors.values())
    ratios = {stage: floor / taken[stage] for stage, (_, _, floor) in floors.items()}
    ratios["run"] = run_floor / every["processor_seconds"]
    tried = trials(reports, facts)
    lines = [
        "# The floor", "",
        f"`make bench-floor`: the stages of `restain normalize` on a synthetic MIRAX slide of {arguments.size} px, and what this",
        f"machine of {threads} processors does at most. The best of {arguments.rounds} turns.", "",
        "## What the machine does at most", "", *machine_table(facts),
        "", "## Each stage", "",
        "A floor is what one thread would take for the longest of a stage's parts: its operations, or its bytes at the speed of",
        f"a copy. G runs {one['model']['kernels']}. With `--threads 1` G has a processor and all others have one.", "",
        *table(["", "a pixel", "bytes a pixel", "floor, s", "`--threads 1`, s", "reached", "of all", f"{threads} threads, s"],
               [[stage, what, f"{moved:.1f}", f"{floor:.4f}", f"{taken[stage]:.4f}", f"{100 * ratios[stage]:.0f} %",
                 f"{100 * taken[stage] / sum(taken.values()):.1f} %", f"{every['stage_seconds'][stage]:.3f}"]
                for stage, (what, moved, floor) in floors.items()]),
        "", "Seconds are those for which a stage's threads were at work. In the last column the stages also take processors from each",
        "other, and reading and encoding are summed over threads. Where other programs",
        "take processors too, clocks run on; so of generate stand the processor seconds beyond those of a run with the identity",
        "model, if they are fewer.", "",
        f"**The whole run** has {every['processor_seconds']:.2f} s of {threads} processors, within {every['seconds']:.2f} s. The floors of all stages are {run_floor:.2f} s:",
        f"{100 * ratios['run']:.0f} % reached.", "",
        "## What was tried", "",
        "The speed of a stage after over that before: as the rates of one thread and the counts above predict it, and as it came;",
        "for G by the processor seconds of a run beyond those of one with the identity model.", "",
        *table(["", "predicted", "came"], [[what, f"{predicted:.2f}", f"{came:.2f}"] for what, predicted, came in tried]),
    ]
    (ROOT / "docs/benchmarks/floor.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    result = {
        "ratios": ratios, "floors": {stage: floor for stage, (_, _, floor) in floors.items()}, "seconds": taken,
        "run": {"floor": run_floor, "seconds": every["seconds"], "processor_seconds": every["processor_seconds"]},
        "tried": {what: {"predicted": predicted, "came": came} for what, predicted, came in tried}, "machine": facts,
    }
    path = ROOT / "target/bench/floor.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    wrong = [name for name, ratio in ratios.items() if ratio > NOISE]
    if wrong:
        sys.exit(f"faster than the floor, which must be wrong: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
