"""What a disk can do to a batch: each fault ends in time, with the exit code and the records that belong to it, and leaves no half output."""
import contextlib
import os
import shutil
import subprocess
import time

import common
from common import batch, copy, end, fresh, halves, left_over, outputs, records, slides, start, states, truth, wait_until

PARAMETERS = {}
COLUMNS = ["fault", "exit code", "records", "restain says", "seconds"]
LARGE = "2048x2048"  # pixels of a slide that is read slowly while something happens to it
SLOW = {"FAULT_PATH": "/Data0", "FAULT_SLEEP": "3000"}
LIMIT = 40  # seconds, after which a batch hangs
NEVER = "1000000000"  # microseconds


def prove(_arguments):
    table = common.Table(*COLUMNS)
    folder = fresh("faults")
    shim = folder / "fault.so"
    subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", shim, common.ROOT / "scripts/reliability/fault.c", "-ldl"], check=True)
    bench = Bench(table, folder, {"LD_PRELOAD": str(shim)})
    for fault in [no_room, filled_midway, full_before, read_only, removed, renamed, truncated, vanished, a_folder, broken_read, broken_later, broken_write,
                  broken_sync, broken_record, slow, slow_given_up, hangs, hangs_renamed]:
        fault(bench)
    shutil.rmtree(folder)
    return table


class Bench:
    """The place of one fault after the other."""

    def __init__(self, table, folder, shim):
        self.table, self.folder, self.shim = table, folder, shim
        self.small, self.large = slides(6), slides(3, LARGE)
        self.truth = truth(self.small)
        self.truth_large = truth(self.large)

    def out(self, name):
        out = self.folder / name
        out.mkdir()
        return out

    def row(self, what, out, ended, code, *says, right=True, known=None):
        """A row: the code, no half output, nothing left over, and what else must be."""
        wrong = [*halves(out), *left_over(out)] if out.is_dir() else []
        found = states(out) if out.is_dir() else "none"
        holds = ended.code == code and ended.says(*says) and right and not wrong and known in (None, found) and (code == 0 or ended.advises())
        said = ended.reason().replace(f"{self.folder}/", "").replace(f"{common.FOLDER}/", "")
        self.table.row(holds, what, "hangs" if ended.code is None else ended.code, found, said + "".join(f" LEFT: {left}" for left in wrong[:2]), f"{ended.seconds:.1f}")

    def inputs(self, name, which=None):
        """Copies of three slides, for a fault to be done to."""
        folder = self.folder / name
        folder.mkdir()
        return [copy(slide, folder / slide.name) for slide in which or self.large]

    @contextlib.contextmanager
    def disk(self, name, size):
        """A file system of its own, in memory."""
        out = self.out(name)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", out], check=True)
        try:
            yield out
        finally:
            subprocess.run(["umount", "-l", out], check=True)

    def slowly(self, inputs, out, happens, *more, when=None, limit=LIMIT):
        """A batch whose slides are read slowly, and what happens to it once it writes an output, or at another moment."""
        begun = time.monotonic()
        process = start("batch", *inputs, "-o", out, "--model", "identity", *more, env={**self.shim, **SLOW})
        wait_until(when or (lambda: any(out.glob(".*.part"))))
        happens()
        return end(process, limit, begun)


def grow(disk, size):
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def grow(disk, size):
    subprocess.run(["mount", "-o", f"remount,size={size}", disk], check=True)


def fill(disk):
    """Writes until nothing fits any more."""
    with open(disk / "other.bin", "wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)


def no_room(bench):
    with bench.disk("full", "400k") as disk:
        ended = batch(bench.small, disk)
        bench.row("no room for the next slide", disk, ended, 3, "free some space and run the same command again", right=0 < len(outputs(disk)) < 6)
        grow(disk, "16m")
        bench.row("... and after room was made", disk, batch(bench.small, disk), 0, right=outputs(disk) == bench.truth, known="6 done")


def filled_midway(bench):
    with bench.disk("fills", "16m") as disk:
        ended = bench.slowly(bench.large, disk, lambda: fill(disk))
        bench.row("another process fills the disk midway", disk, ended, 3, "free some space", right=not outputs(disk))
        (disk / "other.bin").unlink()
        bench.row("... and after room was made", disk, batch(bench.large, disk), 0, right=outputs(disk) == bench.truth_large, known="3 done")


def full_before(bench):
    with bench.disk("nothing", "1m") as disk:
        fill(disk)
        bench.row("a disk that was full before", disk, batch(bench.small, disk), 3, right=not outputs(disk))
        (disk / "other.bin").unlink()
        grow(disk, "16m")
        bench.row("... and after room was made", disk, batch(bench.small, disk), 0, right=outputs(disk) == bench.truth, known="6 done")


def read_only(bench):
    with bench.disk("read-only", "16m") as disk:
        batch(bench.small[:2], disk)
        subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
        bench.row("a read-only output folder", disk, batch(bench.small, disk), 1, known="2 done")


def removed(bench):
    out = bench.out("removed")
    bench.row("the output folder is removed midway", out, bench.slowly(bench.large, out, lambda: shutil.rmtree(out)), 3)
    bench.row("... and the same command again", out, batch(bench.large, out), 0, right=outputs(out) == bench.truth_large, known="3 done")


def renamed(bench):
    out, elsewhere = bench.out("renamed"), bench.folder / "elsewhere"
    bench.row("the output folder is renamed midway", out, bench.slowly(bench.large, out, lambda: out.rename(elsewhere)), 3)
    for what, folder in ("... and the same command again", out), ("... and into the renamed folder", elsewhere):
        bench.row(what, folder, batch(bench.large, folder), 0, right=outputs(folder) == bench.truth_large, known="3 done")


def damaged(bench, name, what, happens, *says):
    """Something happens to the first slide while it is read: it fails, and the others are done."""
    inputs, out = bench.inputs(f"{name}-slides"), bench.out(name)
    data = inputs[0].with_suffix("") / "Data0000.dat"
    ended = bench.slowly(inputs, out, lambda: happens(data))
    error = (records(out).get(inputs[0].stem) or {}).get("error") or ""
    right = set(outputs(out)) == {f"{slide.stem}.tif" for slide in inputs[1:]} and inputs[0].stem in error + ended.err
    bench.row(what, out, ended, 3, *says, right=right, known="2 done, 1 failed")
    shutil.rmtree(data.parent)
    shutil.copytree(bench.large[0].with_suffix(""), data.parent)
    bench.row("... and after the slide was copied again", out, batch(inputs, out), 0, right=outputs(out) == bench.truth_large, known="3 done")


def truncated(bench):
    damaged(bench, "truncated", "a slide's file is cut off midway", lambda data: os.truncate(data, 4096))


def vanished(bench):
    damaged(bench, "vanished", "a slide's files vanish midway", lambda data: [file.unlink() for file in data.parent.iterdir()])


def a_folder(bench):
    inputs, out = bench.inputs("folder-slides", bench.small[:3]), bench.out("folder")
    data = inputs[0].with_suffix("") / "Data0000.dat"
    data.unlink()
    data.mkdir()
    ended = batch(inputs, out, env=bench.shim)
    bench.row("a folder in the place of a slide's file", out, ended, 3, "slide-001", known="2 done, 1 failed")


def breaks(bench, name, what, call, part, after, known, *says):
    """Calls on files whose path holds `part` fail with EIO after so many bytes."""
    out = bench.out(name)
    ended = batch(bench.small[:3], out, env={**bench.shim, "FAULT_CALL": call, "FAULT_PATH": part, "FAULT_AFTER": str(after)}, limit=LIMIT)
    bench.row(what, out, ended, 3, *says, known=known)
    expected = {f"{slide.stem}.tif": bench.truth[f"{slide.stem}.tif"] for slide in bench.small[:3]}
    bench.row("... and on a sound disk", out, batch(bench.small[:3], out), 0, right=outputs(out) == expected, known="3 done")


def broken_read(bench):
    breaks(bench, "eio-read", "reading a slide fails (EIO) from its begin", "read", "slide-001/Data0000", 0, "2 done, 1 failed", "slide-001")


def broken_later(bench):
    length = (bench.small[0].with_suffix("") / "Data0000.dat").stat().st_size
    breaks(bench, "eio-read-late", "reading a slide fails (EIO) in its middle", "read", "slide-001/Data0000", length + 20000, "2 done, 1 failed", "slide-001")


def broken_write(bench):
    breaks(bench, "eio-write", "writing an output fails (EIO)", "write", ".tif.", 20000, "3 failed", "slide-001")


def broken_sync(bench):
    breaks(bench, "eio-sync", "syncing an output fails (EIO)", "fsync", ".tif.", 0, "3 failed", "syncing")


def broken_record(bench):
    breaks(bench, "eio-record", "writing a record fails (EIO)", "write", "/.restain/records/", 0, "none", "records")


def slow(bench):
    out = bench.out("slow")
    ended = bench.slowly(bench.large, out, lambda: None)
    bench.row("a slow disk: each read takes 3 ms", out, ended, 0, right=outputs(out) == bench.truth_large, known="3 done")


def slow_given_up(bench):
    inputs, out = [*bench.small[:2], *bench.inputs("late-slides", bench.large[2:])], bench.out("late")
    ended = batch(inputs, out, "--timeout", 0.05, env={**bench.shim, "FAULT_PATH": "late-slides/slide-003/Data0", "FAULT_SLEEP": "200000"}, limit=LIMIT)
    bench.row("one slide on a slow disk, --timeout 0.05", out, ended, 3, "given up after 0.05 minutes", known="2 done, 1 failed", right=ended.seconds < 15)
    bench.row("... and on a quick disk", out, batch(inputs, out), 0, known="3 done")


def hangs(bench):
    inputs, out = bench.small[:3], bench.out("hangs")
    ended = batch(inputs, out, "--timeout", 0.05, env={**bench.shim, "FAULT_PATH": "slide-002/Data0", "FAULT_SLEEP": NEVER}, limit=LIMIT)
    bench.row("reading one slide never ends, --timeout 0.05", out, ended, 3, "given up after 0.05 minutes", known="2 done, 1 failed")
    bench.row("... and on a quick disk", out, batch(inputs, out), 0, known="3 done")


def hangs_renamed(bench):
    inputs, out = bench.small[:3], bench.out("hangs-renamed")
    ended = batch(inputs, out, "--timeout", 0.05, "--rename", "hash", env={**bench.shim, "FAULT_PATH": "slide-002/Data0", "FAULT_SLEEP": NEVER}, limit=LIMIT)
    bench.row("... with --rename hash", out, ended, 3, known="2 done, 1 failed")
