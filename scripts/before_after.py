#!/usr/bin/env python3
"""Draws a slide beside its normalized output: an overview, and one piece at full resolution.

    target/venv/bin/python scripts/before_after.py SLIDE OUT.tif PICTURE.png [--width 1600] [--at X,Y]

Original on the left, normalized on the right. Without --at, the piece shown is the most colourful one.
"""
import argparse

import numpy
import openslide
from PIL import Image, ImageDraw, ImageFont

GAP = 8
LABELS = ("before", "after")


class View:
    """A slide within what was scanned of it."""

    def __init__(self, path):
        self.slide = openslide.OpenSlide(path)
        bounds = [self.slide.properties.get(f"openslide.bounds-{name}") for name in ("x", "y", "width", "height")]
        whole = (0, 0, *self.slide.dimensions)
        self.left, self.top, self.width, self.height = map(int, bounds) if all(bounds) else whole
        self.background = "#" + self.slide.properties.get("openslide.background-color", "ffffff")

    def piece(self, x, y, width, height, to=None):
        """A rectangle of level-0 pixels counted from the corner of what was scanned, shrunk to the size `to`."""
        to = to or (width, height)
        level = self.slide.get_best_level_for_downsample(width / to[0])
        down = self.slide.level_downsamples[level]
        size = (max(1, round(width / down)), max(1, round(height / down)))
        pixels = self.slide.read_region((self.left + x, self.top + y), level, size)
        flat = Image.new("RGB", size, self.background)
        flat.paste(pixels, mask=pixels.getchannel("A"))
        return flat.resize(to, Image.Resampling.LANCZOS)


def most_colourful(view, width, height):
    """Where a rectangle of this size shows the greatest variety of colour and light."""
    shrink = 16
    size = (max(2, view.width // shrink), max(2, view.height // shrink))
    pixels = numpy.asarray(view.piece(0, 0, view.width, view.height, size), dtype=float)
    across, down = max(1, width // shrink), max(1, height // shrink)
    best, place = -1.0, (0, 0)
    for y in range(0, max(1, size[1] - down), 8):
        for x in range(0, max(1, size[0] - across), 8):
            part = pixels[y : y + down, x : x + across]
            colour = (part[..., 0] - part[..., 2]).std() + part.std()
            if colour > best:
                best, place = colour, (x * shrink, y * shrink)
    return place


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("slide")
    parser.add_argument("output")
    parser.add_argument("picture")
    parser.add_argument("--width", type=int, default=1600, help="pixels across of the picture")
    parser.add_argument("--at", help="X,Y of the piece, from the corner of what was scanned")
    arguments = parser.parse_args()

    views = View(arguments.slide), View(arguments.output)
    first = views[0]
    half = (arguments.width - GAP) // 2
    # Both rows are half as high as wide: the overview is a band across the middle of the slide.
    band = min(first.height, first.width // 2)
    high = half * band // first.width
    piece = min(half, first.width), min(half * 5 // 8, first.height)
    x, y = map(int, arguments.at.split(",")) if arguments.at else most_colourful(first, *piece)
    canvas = Image.new("RGB", (2 * half + GAP, high + GAP + piece[1]), "white")
    draw = ImageDraw.Draw(canvas)
    font = ImageFont.load_default(size=max(14, arguments.width // 64))
    for column, (view, label) in enumerate(zip(views, LABELS)):
        left = column * (half + GAP)
        canvas.paste(view.piece(0, (first.height - band) // 2, first.width, band, (half, high)), (left, 0))
        canvas.paste(view.piece(x, y, *piece), (left, high + GAP))
        box = draw.textbbox((left + 14, 10), label, font=font)
        draw.rectangle((box[0] - 8, box[1] - 6, box[2] + 8, box[3] + 6), fill="white")
        draw.text((left + 14, 10), label, fill="black", font=font)
    canvas.save(arguments.picture, optimize=True)


if __name__ == "__main__":
    main()
