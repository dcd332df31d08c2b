"""What somebody else may have put into the output folder, a manifest, a run file or a model: nothing outside is touched, and what is wrong is said
quickly, in little memory."""
import json
import shutil
import struct
import subprocess
import sys

import common
from common import batch, fresh, slides, truth

PARAMETERS = {}
COLUMNS = ["input", "exit code", "restain says", "MiB", "seconds"]
LIMIT, MOST = 10, 1024  # seconds, MiB
HUGE = 1 << 30  # bytes of a huge file, which takes no place on the disk
MINE = "somebody else's\n"


def prove(_arguments):
    table = common.Table(*COLUMNS)
    folder = fresh("untrusted")
    bench = Bench(table, folder)
    for part in [links, names, manifests, run_files, models]:
        part(bench)
    shutil.rmtree(folder)
    return table


class Bench:
    def __init__(self, table, folder):
        self.table, self.folder = table, folder
        self.slides = slides(2)
        self.truth = truth(self.slides)
        self.count = 0

    def place(self):
        """A new output folder and a folder outside of it, with a file."""
        self.count += 1
        out, outside = self.folder / f"out-{self.count}", self.folder / f"outside-{self.count}"
        outside.mkdir()
        (outside / "mine").write_text(MINE)
        return out, outside

    def row(self, what, ended, right, memory=None):
        holds = ended.code in (0, 1, 2, 3) and right and ended.seconds < LIMIT and (memory or 0) < MOST and "panicked" not in ended.err
        said = ended.reason().replace(f"{self.folder}/", "").replace(f"{common.FOLDER}/", "")
        self.table.row(holds, what, "hangs" if ended.code is None else ended.code, said, "" if memory is None else f"{memory:.0f}", f"{ended.seconds:.1f}")

    def refused(self, what, *words, says="", code=(1, 2)):
        """Restain with something that it must refuse, and its peak memory."""
        measured = subprocess.run([sys.executable, common.ROOT / "scripts/reliability/measured.py", str(LIMIT), common.RESTAIN, *map(str, words)],
                                  capture_output=True, text=True, errors="replace")
        code_came, seconds, memory = json.loads(measured.stdout.splitlines()[-1])
        ended = common.Ended(code_came, measured.stdout, measured.stderr, seconds)
        self.row(what, ended, code_came in code and ended.says(says) and bool(ended.reason()), memory)


def links(bench):
    """Links out of the output folder, laid before a batch begins and after one has ended."""
    places = {
        "OUTDIR/slide-001.tif": ("slide-001.tif", False),
        "OUTDIR/summary.csv": ("summary.csv", False),
        "OUTDIR/.restain/records/slide-001.json": (".restain/records/slide-001.json", False),
        "OUTDIR/.restain/locks/slide-001.lock": (".restain/locks/slide-001.lock", False),
        "OUTDIR/.restain/locks": (".restain/locks", True),
        "OUTDIR/.restain/records": (".restain/records", True),
        "OUTDIR/.restain/runs": (".restain/runs", True),
        "OUTDIR/.restain": (".restain", True),
    }
    for what, (path, is_folder) in places.items():
        for when in "before the batch", "after a batch":
            out, outside = bench.place()
            if when == "after a batch":
                batch(bench.slides, out)
            link = out / path
            link.parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(link) if link.is_dir() else link.unlink(missing_ok=True)
            if is_folder:
                # As it would be where somebody knows what restain will write.
                for name in "slide-001.json", "slide-001.lock", "records/slide-001.json", "locks/slide-001.lock":
                    (outside / name).parent.mkdir(exist_ok=True)
                    (outside / name).write_text(MINE)
            link.symlink_to(outside if is_folder else outside / "mine")
            ended = batch(bench.slides, out, limit=LIMIT)
            files = [file for file in outside.rglob("*") if file.is_file()]
            changed = [str(file.relative_to(outside)) for file in files if file.read_bytes() != MINE.encode()]
            bench.row(f"{what} is a link out of it, {when}" + (f": CHANGES {', '.join(sorted(changed)[:3])}" if changed else ""), ended, not changed)


def names(bench):
    """Names of outputs in a manifest that lead out of the folder, or are none."""
    wrong = {"../x": "../x", "/abs": "/tmp/abs", "C:\\x": "C:\\x", "with NUL": "a\0b", "with a line break": "a\nb", ".restain/records/a": ".restain/records/a",
             "..": "..", "of 300 characters": "x" * 300, "of 250 characters": "y" * 250}
    for what, name in wrong.items():
        out, _ = bench.place()
        manifest = bench.folder / f"names-{bench.count}.csv"
        quoted = '"' + name.replace('"', '""') + '"'
        manifest.write_text(f"slide,output\n{bench.slides[0]},{quoted}\n{bench.slides[1]},good\n")
        before = set(bench.folder.iterdir()) | {out}
        bench.refused(f"a manifest with the output {what}", "batch", manifest, "-o", out, "--model", "identity", says=manifest.name)
        new = set(bench.folder.iterdir()) - before
        if new:
            bench.table.row(False, f"... and writes {', '.join(path.name for path in new)}", "", "", "", "")


def sparse(path, begin=b"", size=HUGE):
    with open(path, "wb") as file:
        file.write(begin)
        file.truncate(size)
    return path


def manifests(bench):
    """Manifests of a GiB, none of which is one."""
    garbage = {"of 1 GiB of zeros": b"", "of 1 GiB, a head and zeros": b"slide,output\n", "of 1 GiB in an open quote": b'slide,output\n"'}
    for what, begin in garbage.items():
        out, _ = bench.place()
        manifest = sparse(bench.folder / "huge.csv", begin)
        bench.refused(f"a manifest {what}", "batch", manifest, "-o", out, "--model", "identity", says="huge.csv")
        manifest.unlink()


def run_files(bench):
    """Run files that grow when they are read, or are huge."""
    out, _ = bench.place()
    bomb = bench.folder / "bomb.yaml"
    lines = ["a0: &a0 [" + ", ".join(["x"] * 10) + "]"] + [f"a{n}: &a{n} [" + ", ".join([f"*a{n - 1}"] * 10) + "]" for n in range(1, 11)]
    bomb.write_text("\n".join([*lines, "inputs: *a10", f"output: {out}"]) + "\n")
    bench.refused("a run file with an alias bomb", "batch", "--config", bomb, says="bomb.yaml", code=(2,))
    bomb.write_text("inputs:\n" + "\n".join(f"  - {'&a0 [x, x, x, x, x, x, x, x, x]' if n == 0 else f'&a{n} [' + ', '.join([f'*a{n - 1}'] * 9) + ']'}" for n in range(10)) + f"\noutput: {out}\n")
    bench.refused("... among the inputs", "batch", "--config", bomb, says="bomb.yaml", code=(2,))
    bomb.write_text("inputs: " + "[" * 100000 + "]" * 100000 + "\n")
    bench.refused("a run file of 100,000 nested lists", "batch", "--config", bomb, says="bomb.yaml", code=(2,))
    for what, begin in {"of 1 GiB of zeros": b"", "of 1 GiB, a setting and zeros": b"stop_on_error: true\n#"}.items():
        huge = sparse(bench.folder / "huge.yaml", begin)
        bench.refused(f"a run file {what}", "batch", "--config", huge, "-o", out, bench.slides[0], says="huge.yaml", code=(2,))
        huge.unlink()


def models(bench):
    """Models whose heads promise what no file holds."""
    card = json.dumps({"architecture": "x"})
    tensor = lambda shape, end: json.dumps({"__metadata__": {"restain": card}, "a": {"dtype": "F32", "shape": shape, "data_offsets": [0, end]}}).encode()
    heads = {
        "whose head claims 2^60 bytes": struct.pack("<Q", 1 << 60) + b"{}",
        "whose head claims 2^64 - 1 bytes": struct.pack("<Q", (1 << 64) - 1) + b"{}",
        "with a tensor of 2^60 values": struct.pack("<Q", len(tensor([1 << 60], 1 << 62))) + tensor([1 << 60], 1 << 62),
        "with a tensor whose size overflows": struct.pack("<Q", len(tensor([1 << 40] * 4, 64))) + tensor([1 << 40] * 4, 64) + b"\0" * 64,
        "that is empty": b"",
    }
    for what, begin in heads.items():
        model = bench.folder / "model.safetensors"
        model.write_bytes(begin)
        out, _ = bench.place()
        bench.refused(f"a model {what}", "batch", bench.slides[0], "-o", out, "--model", model, says="model.safetensors")
    head = b'{"__metadata__":{"restain":"'
    for what, begin in {"of 1 GiB of zeros": b"", "with a card of 1 GiB": struct.pack("<Q", HUGE - 8) + head, "with a small head and 1 GiB of values": struct.pack("<Q", 2) + b"{}"}.items():
        model = sparse(bench.folder / "model.safetensors", begin)
        out, _ = bench.place()
        bench.refused(f"a model {what}", "batch", bench.slides[0], "-o", out, "--model", model, says="model.safetensors")
        model.unlink()
    for what, option in ("a style of 1 GiB", "--style"), ("a style of 1 GiB for the slide's own", "--own"):
        style = sparse(bench.folder / "huge.style.json", b"{")
        out, _ = bench.place()
        words = ["--style", style] if option == "--style" else ["--style", style, "--own", style]
        bench.refused(what, "batch", bench.slides[0], "-o", out, *words, says="huge.style.json")
        style.unlink()
