#!/usr/bin/env python3
"""Proves that `restain batch` can be left alone: each proof prints a table, whose last column says whether it holds.

    scripts/reliability/run.py                         # all of them, as root
    scripts/reliability/run.py kill --kills 10         # one, and a short one
    scripts/reliability/run.py --docs                  # all, whose tables take the place of those in docs/reliability.md

Writes target/reliability/PROOF.json; the exit code is 1 where a proof does not hold.
"""
import argparse
import importlib
import json
import os
import platform
import re
import shutil
import sys
import time

import common

DOCS = common.ROOT / "docs/reliability.md"
PROOFS = ["faults", "untrusted", "privacy", "kill", "pair", "load", "throughput"]


def main():
    proofs = {name: importlib.import_module(name) for name in PROOFS}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("proofs", nargs="*", metavar="PROOF", help=f"of {', '.join(PROOFS)}; all where none is named")
    for proof in proofs.values():
        for name, (default, what) in proof.PARAMETERS.items():
            parser.add_argument(f"--{name}", type=int, default=default, metavar="N", help=f"{what} [default: {default}]")
    parser.add_argument("--docs", action="store_true", help="put the tables into docs/reliability.md")
    arguments = parser.parse_args()
    if unknown := set(arguments.proofs) - set(PROOFS):
        parser.error(f"there is no proof {', '.join(sorted(unknown))}")
    if not common.RESTAIN.exists():
        sys.exit(f"{common.RESTAIN} is missing; run make build")
    if os.geteuid() != 0:
        # Mounts and machines of their own need root, or a namespace in which one is.
        os.execvp("unshare", ["unshare", "--map-root-user", "--mount", sys.executable, *sys.argv])
    version = common.restain("--version").out.strip()
    failed = []
    for name in arguments.proofs or PROOFS:
        begun = time.monotonic()
        table = proofs[name].prove(arguments)
        seconds = time.monotonic() - begun
        print(f"## {name}: {' '.join(proofs[name].__doc__.split())}\n\n{table.markdown()}\n\n{version}, {seconds:.0f} s\n", flush=True)
        parameters = {parameter: getattr(arguments, parameter.replace("-", "_")) for parameter in proofs[name].PARAMETERS}
        result = {"proof": name, "holds": table.holds(), "restain": version, "parameters": parameters, "seconds": round(seconds),
                  "columns": table.columns, "rows": table.rows, "machine": {"processors": os.cpu_count(), "system": platform.platform()}}
        (common.FOLDER / f"{name}.json").write_text(json.dumps(result, indent=2) + "\n")
        if arguments.docs:
            put_into_docs(name, table, seconds)
        if not table.holds():
            failed.append(name)
        shutil.rmtree(common.FOLDER / "desk", ignore_errors=True)
    if failed:
        sys.exit(f"does not hold: {', '.join(failed)}")


def put_into_docs(name, table, seconds):
    """Replaces the table that follows the command of a proof, and its line in the summary."""
    text = DOCS.read_text()
    command = rf"(\n    scripts/reliability/run\.py {name}\b[^\n]*\n\n)((?:\|[^\n]*\n)+)"
    text, tables = re.subn(command, lambda match: match[1] + table.markdown().rstrip() + "\n", text, count=1)
    missed = sum(row[-1] == "NO" for row in table.rows)
    line = rf"(\| [^|\n]*\(`{name}`\) \|)[^\n]*"
    text, lines = re.subn(line, lambda match: f"{match[1]} {len(table.rows)} | {missed} | {seconds:.0f} |", text, count=1)
    if (tables, lines) != (1, 1):
        sys.exit(f"{DOCS}: there is no place for the table of {name}")
    DOCS.write_text(text)


if __name__ == "__main__":
    main()
