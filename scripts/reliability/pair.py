"""Two processes, and two machines of different names, share one batch and one output folder: each slide is done once, and what one of them leaves when it
is killed, the other does."""
import json
import shutil
import time

import common
from common import descendants, end, fresh, halves, kill, left_over, outputs, records, slides, start, truth, wait_until

PARAMETERS = {"pair-slides": (60, "slides that two share")}
MACHINES = ["first", "second"]
UNDER_WAY = 2  # slides that a worker has begun


def prove(arguments):
    table = common.Table("who shares the batch", "done by each", "exit codes", "records", "outputs as of one alone", "seconds")
    inputs = slides(arguments.pair_slides, "1024x768")
    whole = truth(inputs)
    share(table, "two processes", inputs, whole)
    share(table, "two machines (network and host name of their own)", inputs, whole, machines=True)
    for machines in False, True:
        share(table, f"two {'machines' if machines else 'processes'}, one is killed midway", inputs, whole, machines, victim="supervisor and worker")
        share(table, f"two {'machines' if machines else 'processes'}, of one the worker is killed midway", inputs, whole, machines, victim="worker")
    return table


def share(table, who, inputs, whole, machines=False, victim=None):
    out = fresh("pair")
    begun = time.monotonic()
    both = []
    for name in MACHINES:
        wrap = ["unshare", "--net", "--uts", "sh", "-c", 'echo "$0" > /proc/sys/kernel/hostname; exec "$@"', name] if machines else []
        both.append(start("batch", *inputs, "-o", out, "--model", "identity", "--json", wrap=wrap))
    if victim:
        wait_until(lambda: len(list(out.glob("*.tif"))) >= len(inputs) // 4)
        at_work = descendants(both[0].pid)
        kill(*([both[0].pid] if victim != "worker" else []), *at_work)
    ended = [end(process, 120, begun) for process in both]
    found = records(out)
    fresh_of = []
    for one in ended:
        summary = json.loads(one.out)["slides"] if one.out else []
        fresh_of.append(sum(slide["fate"] == "done" and not slide["already"] for slide in summary))
    hosts = {record["host"] for record in found.values()}
    # Nobody knows what one that was killed has counted. A worker may be killed when its slides are done and before it says so; they then count as done before.
    killed, unheard = victim == "supervisor and worker", UNDER_WAY if victim == "worker" else 0
    once = killed or len(inputs) - unheard <= sum(fresh_of) <= len(inputs) and (victim or min(fresh_of) > 0)
    made = ", ".join(map(str, fresh_of)) if not killed else f"killed, {fresh_of[1]}"
    right = outputs(out) == whole and not halves(out) and not left_over(out)
    codes = [one.code for one in ended]
    holds = once and right and codes == [-9 if killed else 0, 0] and common.states(out) == f"{len(inputs)} done" and (not machines or hosts == set(MACHINES))
    table.row(holds, who, made, ", ".join(map(str, codes)), common.states(out) + (f", by {' and '.join(sorted(hosts))}" if machines else ""),
              "yes" if right else f"no: {left_over(out)[:2]}", f"{time.monotonic() - begun:.1f}")
    shutil.rmtree(out)
