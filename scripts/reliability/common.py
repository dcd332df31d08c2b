"""What all proofs share: slides, runs of restain with a limit, processes as /proc shows them, and the table of what came."""
import collections
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
RESTAIN = ROOT / "target/release/restain"
FOLDER = ROOT / "target/reliability"
LONGEST = 240  # characters of a cell
SMALL = "512x384"  # pixels of a small slide: a batch of them is over in seconds


@dataclasses.dataclass
class Ended:
    """How a command ended; the code is None where it did not within its limit."""
    code: int | None
    out: str
    err: str
    seconds: float

    def says(self, *parts):
        return all(part in self.out + self.err for part in parts)

    def reason(self):
        """The first line of what went wrong."""
        return next((line.strip() for line in self.err.splitlines() if line.strip()), "")

    def advises(self):
        """Whether it says what to do: after a semicolon, as all errors of restain do."""
        return "; " in self.reason()


class Table:
    """A proof's rows; each holds or does not."""

    def __init__(self, *columns):
        self.columns, self.rows = [*columns, "holds"], []

    def row(self, holds, *cells):
        cells = [str(cell) if len(str(cell)) <= LONGEST else f"{str(cell)[:LONGEST]} ..." for cell in cells]
        self.rows.append([*cells, "yes" if holds else "NO"])

    def holds(self):
        return bool(self.rows) and all(row[-1] == "yes" for row in self.rows)

    def markdown(self):
        lines = [self.columns, ["---"] * len(self.columns), *self.rows]
        return "\n".join("| " + " | ".join(re.sub(r"[\s\x00-\x1f]+", " ", cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def fresh(name):
    """A new empty folder."""
    folder = FOLDER / "desk" / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def start(*words, env=None, err=subprocess.PIPE, wrap=()):
    """Starts restain, under another command where one is given."""
    words = [str(word) for word in (*wrap, RESTAIN, *words)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=err, text=True, errors="replace", env={**os.environ, **(env or {})})


def end(process, limit=60, begun=None):
    """Waits for it no longer than the limit, and then ends it and all it has started."""
    begun = begun or time.monotonic()
    try:
        out, err = process.communicate(timeout=limit)
        code = process.returncode
    except subprocess.TimeoutExpired:
        kill(process.pid, *descendants(process.pid))
        (out, err), code = process.communicate(), None
    return Ended(code, out or "", err or "", time.monotonic() - begun)


def restain(*words, limit=60, env=None, wrap=()):
    begun = time.monotonic()
    return end(start(*words, env=env, wrap=wrap), limit, begun)


def batch(inputs, out, *more, **how):
    """A batch that copies pixels; what it tests is everything but the network."""
    return restain("batch", *inputs, "-o", out, "--model", "identity", *more, **how)


def slides(count, size=SMALL):
    """The files of so many different slides; made once and kept for the next proof."""
    folder = FOLDER / "slides" / size
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"slide-{seed:03}.mrxs" for seed in range(1, count + 1)]
    for seed, path in enumerate(paths, 1):
        if not path.exists():
            synth(path, size, seed)
    return paths


def synth(path, size, seed):
    made = restain("synth", "slide", path, "--size", size, "--seed", seed, "--quiet", "--force")
    if made.code != 0:
        raise SystemExit(f"cannot make {path}: {made.reason()}")


def copy(slide, path):
    """A slide under another name."""
    shutil.copy(slide, path)
    shutil.copytree(slide.with_suffix(""), path.with_suffix(""))
    return path


def outputs(out):
    """The outputs' bytes by their names."""
    return {path.name: path.read_bytes() for path in sorted(out.glob("*.tif"))}


def truth(inputs, *more):
    """What an undisturbed batch makes of the slides."""
    out = fresh("truth")
    ended = batch(inputs, out, "--quiet", *more, limit=600)
    if ended.code != 0:
        raise SystemExit(f"the undisturbed batch failed: {ended.reason()}")
    found = outputs(out)
    shutil.rmtree(out)
    return found


def records(out):
    """The records by the names of their slides; None for one that is no JSON."""
    found = {}
    for path in sorted((out / ".restain/records").glob("*.json")):
        try:
            found[path.stem] = json.loads(path.read_text())
        except ValueError:
            found[path.stem] = None
    return found


def states(out):
    """How many records are in which state: `3 done, 1 failed`."""
    counts = collections.Counter(record["state"] if record else "broken" for record in records(out).values())
    return ", ".join(f"{count} {state}" for state, count in sorted(counts.items())) or "none"


def halves(out):
    """Outputs that do not pass `restain verify`, and its reasons."""
    if not any(out.glob("*.tif")):
        return []
    checked = restain("verify", "-q", out)
    return [] if checked.code == 0 else checked.err.strip().splitlines()


def left_over(out):
    """Hidden files of half outputs or half records, anywhere in the folder."""
    return sorted(str(path.relative_to(out)) for path in out.rglob(".*") if path.is_file())


def descendants(process):
    """The processes that a process has started, and theirs."""
    found = []
    for task in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
        try:
            found += [int(child) for child in task.read_text().split()]
        except OSError:
            pass
    return found + [grandchild for child in found for grandchild in descendants(child)]


def worker(process):
    """The process that works for a batch, once it has become one."""
    for child in descendants(process):
        try:
            if b"batch-worker" in pathlib.Path(f"/proc/{child}/cmdline").read_bytes():
                return child
        except OSError:
            pass
    return None


def kill(*processes):
    for process in processes:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            pass


def is_gone(process):
    """Whether a process has ended; one that nobody has waited for has."""
    try:
        return pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_until(condition, limit=30):
    """What the condition at last is, or None where it is nothing within the limit."""
    begun = time.monotonic()
    while time.monotonic() - begun < limit:
        if found := condition():
            return found
        time.sleep(0.002)
    return None
