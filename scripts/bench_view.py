#!/usr/bin/env python3
"""How fast the viewer shows a slide: the first tile after the start, then tiles nobody has asked for before.

    scripts/bench_view.py [--size 20000x20000] [--rounds 3]

A fresh server is asked for one tile of level 0 from the middle, of the slide and then, fresh again, of its output: opening the
file is part of the time. Then eight connections ask for every tile of level 0 of both, so that none comes from the cache.
Server and asker share the processors.

Writes target/bench/view.json, whose `ratios` are 300 ms over the slower first tile, and tiles a second over 60.
"""
import argparse
import concurrent.futures
import http.client
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse

from processes import run

FIRST = 0.3  # seconds
RATE = 60  # tiles a second
CONNECTIONS = 8
ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDER = ROOT / "out/bench"


class Server:
    """A viewer of a slide and its output."""

    def __init__(self, command, slide, output):
        self.process = subprocess.Popen([*command, slide, output], stdout=subprocess.PIPE, text=True)
        url = urllib.parse.urlsplit(self.process.stdout.readline().strip())
        self.address, self.path = url.netloc, f"{url.path}slides/0/"
        self.threads = threading.local()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def get(self, name):
        """The bytes of a file; each thread has a connection."""
        if not hasattr(self.threads, "connection"):
            self.threads.connection = http.client.HTTPConnection(self.address)
        self.threads.connection.request("GET", self.path + name)
        answer = self.threads.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{name}: {answer.status} {body.decode(errors='replace')}")
        return body

    def peak(self):
        """Its largest resident memory so far, MiB."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024


def tiles(info):
    """The names of the level-0 tiles of both that show something."""
    for side in ("before", "after"):
        x, y, width, height = (int(value) // info["tile"] for value in info[side]["shown"])
        yield [f"{side}/0/{column}_{row}.jpg" for row in range(y, y + height) for column in range(x, x + width)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="20000x20000", help="WxH of what is scanned")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--restain", default=ROOT / "target/release/restain", help="the program")
    parser.add_argument("--view", help="a program to measure in the place of `restain view`")
    arguments = parser.parse_args()
    command = [arguments.view] if arguments.view else [arguments.restain, "view"]
    FOLDER.mkdir(parents=True, exist_ok=True)
    slide, output = FOLDER / f"view-{arguments.size}.mrxs", FOLDER / f"view-{arguments.size}.tif"
    if not slide.exists():
        run(arguments.restain, "synth", "slide", slide, "--size", arguments.size, "--quiet")
    if not output.exists():
        run(arguments.restain, "normalize", slide, "-o", output, "--model", "identity", "--quiet")

    with Server(command, slide, output) as server:
        sides = list(tiles(json.loads(server.get("info.json"))))
    first = {}
    for side in sides:
        middle, taken = side[len(side) // 2], []
        for _ in range(arguments.rounds):
            with Server(command, slide, output) as server:
                started = time.perf_counter()
                server.get(middle)
                taken.append(time.perf_counter() - started)
        first[middle.split("/")[0]] = statistics.median(taken)

    rates, peak = [], 0
    for turn in range(arguments.rounds):
        # Neighbours are asked for together, as a page does, but one place after another is looked at.
        places = [side[start:start + 16] for side in sides for start in range(0, len(side), 16)]
        random.Random(turn).shuffle(places)
        names = [name for place in places for name in place]
        with Server(command, slide, output) as server, concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
            started = time.perf_counter()
            read = sum(len(tile) for tile in pool.map(server.get, names))
            rates.append(len(names) / (time.perf_counter() - started))
            peak = max(peak, server.peak())

    rate = statistics.median(rates)
    result = {
        "size": arguments.size,
        "processors": os.cpu_count(),
        "machine": platform.machine(),
        "first_tile_ms": {side: round(1000 * seconds, 1) for side, seconds in first.items()},
        "tiles": len(names),
        "megabytes": round(read / 1e6, 1),
        "tiles_per_s": round(rate, 1),
        "peak_memory_mib": round(peak),
        "ratios": {"first_tile": round(FIRST / max(first.values()), 2), "tiles_per_s": round(rate / RATE, 2)},
    }
    path = ROOT / "target/bench/view.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
    if min(result["ratios"].values()) < 1:
        sys.exit("MISSED")


if __name__ == "__main__":
    main()
