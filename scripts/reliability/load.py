"""Hundreds of slides in one process: memory, open files and threads after the last are what they were early on."""
import collections
import pathlib
import shutil
import statistics
import subprocess

import common
from common import end, fresh, slides, start, worker

PARAMETERS = {"load-slides": (300, "slides of the long batch"), "load-model-slides": (100, "slides of the batch with the shipped model")}
GROWTH = 0.05  # of memory
SPARE = 4  # files or threads of a slide under way; of a leak of one a slide there would be hundreds
WINDOW = 10  # slides of which the median of memory is taken, and the least of files and threads
EARLY = 30  # slides


def prove(arguments):
    table = common.Table("batch", "process", "figure", f"after {EARLY} slides", "after the last")
    load(table, f"{arguments.load_slides} slides, identity", slides(arguments.load_slides), "identity")
    load(table, f"{arguments.load_model_slides} very small slides, the shipped model", slides(arguments.load_model_slides, "96x96"), "shipped")
    return table


def load(table, what, inputs, model):
    out = fresh("load")
    process = start("batch", *inputs, "-o", out, "--model", model, err=subprocess.STDOUT)
    seen = collections.defaultdict(list)
    done = 0
    for line in process.stdout:
        done += ".tif: " in line
        for name, number in ("supervisor", process.pid), ("worker", worker(process.pid)):
            for figure, value in figures(number).items():
                seen[name, figure].append((done, value))
    ended = end(process)
    table.row(ended.code == 0 and done == len(inputs), what, "both", "slides done", "", f"{done}, exit code {ended.code}, {len(common.outputs(out))} outputs")
    for (name, figure), values in seen.items():
        memory = figure.endswith("MiB")
        middle = statistics.median if memory else min
        early = middle(value for at, value in values if EARLY - WINDOW < at <= EARLY)
        late = middle(value for at, value in values if at > len(inputs) - WINDOW)
        table.row(late <= (early * (1 + GROWTH) if memory else early + SPARE), what, name, figure, f"{early:.4g}", f"{late:.4g}")
    shutil.rmtree(out)


def figures(process):
    """What /proc says of a process; nothing of one that has ended."""
    folder = pathlib.Path(f"/proc/{process}")
    try:
        lines = dict(line.split(":", 1) for line in (folder / "status").read_text().splitlines())
        return {"memory, MiB": int(lines["VmRSS"].split()[0]) / 1024, "peak memory, MiB": int(lines["VmHWM"].split()[0]) / 1024,
                "threads": int(lines["Threads"]), "open files": len(list((folder / "fd").iterdir()))}
    except (OSError, KeyError):
        return {}
