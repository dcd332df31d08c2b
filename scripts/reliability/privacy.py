"""A patient planted wherever a slide has a place for one: with --rename hash, nothing of it is in what restain writes and says, also where slides fail."""
import base64
import json
import os
import shutil
import stat
import subprocess

import common
from common import copy, fresh, restain, slides

PARAMETERS = {}
COLUMNS = ["what", "what came"]
NAME, NUMBER, BARCODE = "Zebedee Quillfeather", "MRN-8391-0047", "S26-004711-B2"
SECRETS = [NAME, *NAME.split(), NUMBER, BARCODE, "Zoë"]
ALIKE = 0.75  # a correlation from which on a picture resembles another
WORD = NAME.split()[1]


def forms(secret):
    """How a text may hide in bytes."""
    for text in {secret, secret.lower(), secret.upper()}:
        plain = text.encode()
        yield "UTF-8", plain
        yield "UTF-16LE", text.encode("utf-16le")
        yield "UTF-16BE", text.encode("utf-16be")
        yield "hex", plain.hex().encode()
        yield "HEX", plain.hex().upper().encode()
        for shift in range(3):
            # Without the digits that depend on what stands before and after.
            coded = base64.b64encode(bytes(shift) + plain).rstrip(b"=")
            yield "base64", coded[-(-shift * 8 // 6):len(coded) - (1 if (shift + len(plain)) % 3 else 0)]


def found_in(bytes_):
    return sorted({f"{secret} ({form})" for secret in SECRETS for form, needle in forms(secret) if needle in bytes_})


def plant(slide, path, **changes):
    """A copy of a slide whose properties name the patient; `changes` are other values of properties."""
    copy(slide, path)
    ini = path.with_suffix("") / "Slidedat.ini"
    identifier = next(line.partition(" = ")[2] for line in ini.read_text(encoding="utf-8-sig").splitlines() if line.startswith("SLIDE_ID"))
    # All files of a slide begin with its identifier.
    number = NUMBER.ljust(len(identifier), "0")
    for file in path.with_suffix("").glob("*.dat"):
        file.write_bytes(file.read_bytes().replace(identifier.encode(), number.encode()))
    values = {"SLIDE_NAME": NAME, "SLIDE_ID": number, "PROJECT_NAME": NAME, **changes}
    lines = [f"{key} = {values.get(key, value)}" if value else line for line in ini.read_text(encoding="utf-8-sig").splitlines()
             for key, _, value in [line.partition(" = ")]]
    lines += ["[PATIENT]", f"NAME = {NAME}", f"BARCODE = {BARCODE}", f"[{WORD}]", f"{WORD} = {NUMBER}"]
    ini.write_text("\n".join(lines) + "\n")
    return path


def failing(folder, sound):
    """Slides that fail, each in its own way."""
    def drop(path, file):
        (path.with_suffix("") / file).unlink()

    def cut(path, file):
        os.truncate(path.with_suffix("") / file, 3000)

    named = iter(range(1, 100))
    def new(**changes):
        number = next(named)
        return plant(sound[number], folder / f"{NAME} {NUMBER} {BARCODE} bad-{number}.mrxs", **changes)

    drop(new(), "Slidedat.ini")
    drop(new(), "Data0000.dat")
    drop(new(), "Index.dat")
    cut(new(), "Data0000.dat")
    cut(new(), "Index.dat")
    shutil.rmtree(new().with_suffix(""))
    # What a scanner, or a person, has written into a slide is in the messages of the library that reads it.
    new(INDEXFILE=f"{WORD}.dat")
    new(FILE_0=f"{WORD}.dat")
    new(IMAGENUMBER_X=WORD)
    new(IMAGE_FORMAT=WORD)
    new(HIER_0_VAL_0_SECTION=WORD)
    new(HIER_0_NAME=WORD, NONHIER_0_NAME=WORD)
    new(MICROMETER_PER_PIXEL_X=WORD)
    new(SLIDE_VERSION=WORD, CURRENT_SLIDE_VERSION=WORD)
    (folder / f"{NAME}.svs").write_text(f"{NAME}, {NUMBER}")
    (folder / "Zoë.ndpi").write_text(f"{NAME}, {NUMBER}")
    (folder / f"{BARCODE}.vms").write_text(f"[Virtual Microscope Specimen]\nNoLayers={WORD}\nImageFile={NAME}.jpg\n")
    return list(folder.iterdir())


def prove(_arguments):
    table = common.Table(*COLUMNS)
    folder = fresh("privacy")
    for what, bytes_ in ("text", f"x{NAME}y".encode()), ("UTF-16", NAME.encode("utf-16le")), ("base64", base64.b64encode(b"ab" + NUMBER.encode() + b"c")):
        table.row(found_in(bytes_), f"the search finds planted {what}", ", ".join(found_in(bytes_)))
    sound = slides(40)
    large = slides(3, "1024x1024")
    scans = folder / f"{NAME} {NUMBER}"
    scans.mkdir()
    for number, slide in enumerate(large, 1):
        plant(slide, scans / f"{NAME} {BARCODE} {number}.mrxs")
    out, mapping = folder / "out", folder / "out-names.csv"
    ended = restain("batch", scans, "-o", out, "--rename", "hash", limit=300)
    table.row(ended.code == 0 and len(common.outputs(out)) == 3, "three sound slides, the shipped model", f"exit code {ended.code}, {common.states(out)}")
    search(table, "sound slides", folder, out, ended)
    pictures(table, scans, out)
    mode = stat.S_IMODE(mapping.stat().st_mode)
    table.row(mode == 0o600 and mapping.parent == out.parent and NAME in mapping.read_text(), "the mapping lies beside OUTDIR and is its owner's alone", f"{mapping.name}, mode {mode:o}")

    wrong = folder / f"{WORD} wrong"
    wrong.mkdir()
    count = len({path.stem for path in failing(wrong, sound)})
    link = folder / f"{WORD} link"
    link.symlink_to(wrong)
    manifest = folder / "list.csv"
    manifest.write_text("slide,output\n" + "".join(f'"{slide}","{WORD}-{number}"\n' for number, slide in enumerate(sorted(wrong.glob("*.mrxs"))))
                        + f'"{wrong}/{NAME} is not there.mrxs",\n')
    dangling = folder / f"{WORD} dangling"
    dangling.mkdir()
    copy(sound[0], dangling / f"{NAME}.mrxs")
    (dangling / f"{NUMBER}.scn").symlink_to(dangling / f"{NAME} is nowhere.scn")
    ways = {"a folder": wrong, "a folder that is a link": link, "a pattern": f"{wrong}/*", "a manifest": manifest, "a relative path": os.path.relpath(wrong), "a folder with a link to nothing": dangling}
    for number, (way, inputs) in enumerate(ways.items()):
        out = folder / f"wrong-{number}"
        ended = restain("batch", inputs, "-o", out, "--model", "identity", "--rename", "hash", limit=120)
        failed = sum(record["state"] == "failed" for record in common.records(out).values())
        table.row(ended.code == 3 and failed >= (1 if inputs == dangling else count // 2), f"slides that fail, by {way}", f"exit code {ended.code}, {common.states(out)}")
        search(table, f"slides that fail, by {way}", folder, out, ended)
    shutil.rmtree(folder)
    return table


def search(table, what, folder, out, ended):
    """Looks for the patient in all that a batch, and looking at it, has written and said."""
    looked = [restain(*words) for words in (("status", out), ("status", out, "--json"), ("verify", out))]
    said = "".join(one.out + one.err for one in [ended, *looked]).replace(str(folder), "")
    places = {"stdout and stderr": said.encode(), "names of files": "\n".join(str(path.relative_to(out)) for path in out.rglob("*")).encode()}
    files = [path for path in out.rglob("*") if path.is_file()]
    places |= {str(path.relative_to(out)): path.read_bytes() for path in files}
    held = {place: found_in(bytes_) for place, bytes_ in places.items() if found_in(bytes_)}
    lines = [line for line in said.splitlines() if found_in(line.encode())]
    came = f"in none of {len(files)} files, and in nothing said" if not held else "; ".join(f"{place}: {', '.join(names)}" for place, names in sorted(held.items())[:4])
    if lines:
        came += f" -- {len(lines)} lines such as: {'; '.join(dict.fromkeys(line[line.find(': ', 7) + 2:] for line in lines))}"
    table.row(not held, f"{what}: the patient", came)


def pictures(table, scans, out):
    """Every picture of the outputs, and all tags and pixels decompressed."""
    python = common.ROOT / "target/venv/bin/python"
    words = [python, common.ROOT / "scripts/reliability/pictures.py", sorted(scans.glob("*.mrxs"))[0], out / "report.html", *sorted(out.glob("*.tif"))]
    looked = json.loads(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    held = []
    for path in out.glob("*.bytes"):
        held += found_in(path.read_bytes())
        path.unlink()
    found, page = looked["outputs"].values(), looked["page"]
    table.row(not held, "tags and pixels, decompressed: the patient", ", ".join(held) or f"in none of {sum(one['pictures'] for one in found)} pictures")
    halved = all(after == (before + 1) // 2 for one in found for before, after in zip(one["widths"], one["widths"][1:]))
    table.row(halved and not any(one["associated"] for one in found), "pictures that are no level of the pyramid", "none" if halved else "some")
    for name in "label", "macro":
        table.row(looked["pasted"][name] > ALIKE, f"the search for pictures finds a {name} that was pasted in", f"correlation {looked['pasted'][name]:.2f}")
        most = max(one["likeness"][name] for one in found)
        table.row(most < ALIKE, f"a picture that resembles the {name}, at any place and scale", f"correlation {most:.2f} at most")
        most = page["likeness"][name]
        table.row(most < ALIKE, f"one of the report's {page['pictures']} pictures that resembles the {name}", f"correlation {most:.2f} at most")
