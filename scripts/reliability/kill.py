"""Processes of a batch are killed (SIGKILL) at random moments, and the same command is run again after each: no output is ever half, none is lost, none
is done again once it is recorded as done, and all are as an undisturbed batch makes them."""
import collections
import os
import random
import time

import common
from common import descendants, end, fresh, halves, is_gone, kill, left_over, outputs, records, slides, start, truth, wait_until, worker

PARAMETERS = {"kills": (100, "processes or pairs of them killed"), "kill-slides": (24, "slides of a batch; when all are done, another batch begins"),
              "seed": (1, "seed of the moments")}
VICTIMS = {"both processes": "both", "the supervisor alone": "supervisor", "the worker alone": "worker"}
ALONE = 10  # seconds that a worker whose supervisor was killed may take to end


def prove(arguments):
    random_ = random.Random(arguments.seed)
    inputs = slides(arguments.kill_slides)
    whole = truth(inputs)
    # No moment of an undisturbed batch is left out.
    begun = time.monotonic()
    common.batch(inputs, fresh("timed"), "--quiet")
    longest = time.monotonic() - begun
    counts, facts, wrong = collections.Counter(), collections.Counter(), collections.defaultdict(list)
    while sum(counts.values()) < arguments.kills:
        facts["batches"] += 1
        one_batch(inputs, whole, random_, longest, arguments.kills, counts, facts, wrong)
    table = common.Table("what", "what came")
    for what, count in counts.items():
        table.row(True, f"killed: {what}", count)
    table.row(True, "batches, each run again until all its slides were done", facts["batches"])
    table.row(facts["parts"] > 0, "kills that found an output being written (a hidden .part file was left)", facts["parts"])
    table.row(not wrong["late"], "a worker without its supervisor ends", f"within {facts['alone'] / 1000:.1f} s" if not wrong["late"] else wrong["late"][:2])
    table.row(not wrong["half"], f"outputs that did not pass `restain verify`, of {facts['verified']} looked at after a kill", len(wrong["half"]) or 0)
    table.row(not wrong["again"], "outputs made again although recorded as done", ", ".join(wrong["again"][:3]) or 0)
    table.row(True, "outputs made again because the kill came between their name and their record", facts["unrecorded"])
    table.row(not wrong["end"], "batches that did not end with all slides done, exit code 0", "; ".join(wrong["end"][:3]) or 0)
    table.row(not wrong["bytes"], f"outputs unlike those of an undisturbed batch, of {facts['batches'] * len(inputs)}", ", ".join(wrong["bytes"][:3]) or 0)
    table.row(not wrong["left"], "hidden files left by a run a minute after the last", ", ".join(wrong["left"][:3]) or 0)
    return table


def one_batch(inputs, whole, random_, longest, kills, counts, facts, wrong):
    out = fresh("kill")
    seen, done = {}, set()
    while sum(counts.values()) < kills and len(done) < len(inputs):
        process = start("batch", *inputs, "-o", out, "--model", "identity", "--quiet")
        time.sleep(random_.uniform(0, longest))
        what = random_.choice(list(VICTIMS))
        if process.poll() is not None:
            break
        at_work = worker(process.pid)
        if what == "the worker alone":
            if at_work is None:
                what = "the supervisor alone"
            else:
                kill(at_work)
        counts[what] += 1
        facts["parts"] += any(out.glob(".*.part"))
        if what == "the worker alone":
            # The batch goes on with another, and is killed as well a little later, if it is not over.
            time.sleep(random_.uniform(0, longest))
        all_of_it = descendants(process.pid)
        kill(process.pid, *([] if what == "the supervisor alone" else all_of_it))
        process.communicate()
        begun = time.monotonic()
        if not wait_until(lambda: all(map(is_gone, all_of_it)), ALONE):
            wrong["late"].append(f"{what}: still there after {ALONE} s")
            kill(*all_of_it)
        facts["alone"] = max(facts["alone"], round(1000 * (time.monotonic() - begun)))
        watch(out, seen, done, facts, wrong)
    ended = end(start("batch", *inputs, "-o", out, "--model", "identity"), 120)
    watch(out, seen, done, facts, wrong)
    if ended.code != 0 or f"{len(inputs)} of {len(inputs)} slides done" not in ended.out or common.states(out) != f"{len(inputs)} done":
        wrong["end"].append(f"exit code {ended.code}, {common.states(out)}, {ended.reason()}")
    found = outputs(out)
    wrong["bytes"] += [name for name in whole.keys() | found.keys() if found.get(name) != whole.get(name)]
    # What was begun less than a minute ago may be another process's: it is removed by the next run after that.
    for name in left_over(out):
        os.utime(out / name, (time.time() - 120,) * 2)
    end(start("batch", *inputs, "-o", out, "--model", "identity"), 120)
    wrong["left"] += left_over(out)


def watch(out, seen, done, facts, wrong):
    """What has become of the outputs since the last look."""
    wrong["half"] += halves(out)
    for path in sorted(out.glob("*.tif")):
        facts["verified"] += 1
        status = path.stat()
        version = (status.st_ino, status.st_mtime_ns)
        if seen.get(path.stem, version) != version:
            if path.stem in done:
                wrong["again"].append(path.stem)
            else:
                facts["unrecorded"] += 1
        seen[path.stem] = version
    lost = done - {path.stem for path in out.glob("*.tif")}
    wrong["half"] += [f"{name} is lost" for name in lost]
    done |= {name for name, record in records(out).items() if record and record["state"] == "done"}
