#!/usr/bin/env python3
"""Checks an output of restain with readers that are not restain: OpenSlide and libvips read every level whole.

    target/venv/bin/python scripts/check_output.py OUT.tif --size 8000x8000 --mpp 0.25
"""
import argparse
import subprocess
import sys

import openslide

TILE = 512


def command(*words):
    """What a command prints; ends where it fails."""
    done = subprocess.run(words, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)} failed:\n{done.stderr}")
    return done.stdout.strip()


def expected_levels(width, height):
    """Halved, rounded up, until one tile holds the level."""
    levels = [(width, height)]
    while max(levels[-1]) > TILE:
        width, height = levels[-1]
        levels.append(((width + 1) // 2, (height + 1) // 2))
    return levels


def check(what, found, expected):
    if found != expected:
        sys.exit(f"WRONG: {what} is {found}, not {expected}")
    print(f"{what:<28}{found}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output")
    parser.add_argument("--size", required=True, help="WxH of level 0")
    parser.add_argument("--mpp", type=float, required=True, help="micrometres a pixel of level 0")
    arguments = parser.parse_args()
    levels = expected_levels(*map(int, arguments.size.split("x")))

    # The system's OpenSlide, whichever it is.
    lines = command("openslide-show-properties", arguments.output).splitlines()
    system = {key: value.strip("'") for key, _, value in (line.partition(": ") for line in lines)}
    check("OpenSlide (system): vendor", system["openslide.vendor"], "generic-tiff")
    check("OpenSlide (system): levels", int(system["openslide.level-count"]), len(levels))

    with openslide.OpenSlide(arguments.output) as slide:
        check(f"OpenSlide {openslide.__library_version__}: sizes", list(slide.level_dimensions), levels)
        mpp = round(float(slide.properties["openslide.mpp-x"]), 4)  # 3.4.1 does not say it of a generic TIFF
        check(f"OpenSlide {openslide.__library_version__}: mpp", mpp, arguments.mpp)
        for level in range(slide.level_count):
            slide.read_region((0, 0), level, (TILE, TILE))

    for page, size in enumerate(levels):
        name = f"{arguments.output}[page={page}]"
        found = tuple(int(command("vipsheader", "-f", side, name)) for side in ("width", "height"))
        check(f"libvips: size of page {page}", found, size)
        print(f"{'':<28}mean grey level {float(command('vips', 'avg', name)):.2f}")


if __name__ == "__main__":
    main()
