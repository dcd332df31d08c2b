"""Many small slides against one large slide of as many pixels, with the shipped model on the processor: what it costs that a batch goes from slide to slide."""
import shutil
import statistics

import common
from common import fresh, restain, slides

PARAMETERS = {"rounds": (3, "times that each is run, in turns"), "side": (4, "small slides along a side of the large one")}
TARGET = 0.9  # of the large slide's speed
TILE = 1024  # pixels of a small slide's side: as a tile, so that no slide has more edges than another


def prove(arguments):
    small, large = slides(arguments.side ** 2, f"{TILE}x{TILE}"), slides(1, f"{TILE * arguments.side}x{TILE * arguments.side}")
    megapixels = (TILE * arguments.side) ** 2 / 1e6
    speeds = {"small": [], "large": []}
    for _ in range(arguments.rounds):
        for name, inputs in ("small", small), ("large", large):
            out = fresh("throughput")
            ended = restain("batch", *inputs, "-o", out, "--device", "cpu", "--quiet", limit=600)
            if ended.code != 0:
                raise SystemExit(f"the batch failed: {ended.reason()}")
            speeds[name].append(megapixels / ended.seconds)
            shutil.rmtree(out)
    median = {name: statistics.median(values) for name, values in speeds.items()}
    ratio = median["small"] / median["large"]
    table = common.Table("slides", "pixels", "MP/s, each round", "median")
    for name, inputs in ("small", small), ("large", large):
        table.row(True, f"{len(inputs)} {name}", f"{megapixels:.1f} MP", ", ".join(f"{speed:.2f}" for speed in speeds[name]), f"{median[name]:.2f}")
    table.row(ratio >= TARGET, "small / large", "", f"at least {TARGET}", f"{ratio:.2f}")
    return table
