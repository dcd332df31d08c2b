"""Looks for label and macro of a slide in every picture of outputs; for target/venv/bin/python.

    pictures.py SLIDE.mrxs PAGE.html OUT.tif ...

Prints JSON: for the page the number of its photographs, and the strongest correlation of any with label and macro; for each output its pictures, associated images, the strongest correlation with label and macro at any place and scale, and
the bytes of all tags and tiles, decompressed, written beside it as OUT.bytes; and as a check of the search itself, the correlation where
each was pasted into the first output.
"""
import base64
import io
import json
import pathlib
import re
import sys

import numpy
import openslide
import tifffile
from PIL import Image

SIDE = 512  # a picture is searched at no more than so many pixels
STEP = 1.12  # from scale to scale
NARROWEST = 96  # pixels: what is smaller resembles anything


def gray(picture):
    picture = Image.fromarray(picture) if isinstance(picture, numpy.ndarray) else picture.convert("RGB")
    picture.thumbnail((SIDE, SIDE), Image.Resampling.BOX)
    return numpy.asarray(picture.convert("L"), float)


def window_sums(picture, height, width):
    sums = numpy.pad(picture, ((1, 0), (1, 0))).cumsum(0).cumsum(1)
    return sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]


def correlation(picture, pattern):
    """The strongest normalized cross-correlation of the pattern with any place of the picture of its size."""
    height, width = pattern.shape
    pattern = pattern - pattern.mean()
    shape = [a + b for a, b in zip(picture.shape, pattern.shape)]
    product = numpy.fft.irfft2(numpy.fft.rfft2(picture, shape) * numpy.conj(numpy.fft.rfft2(pattern, shape)), shape)
    product = product[:picture.shape[0] - height + 1, :picture.shape[1] - width + 1]
    variance = window_sums(picture ** 2, height, width) - window_sums(picture, height, width) ** 2 / (height * width)
    # Where a window has next to no contrast, it resembles nothing.
    scale = numpy.sqrt(numpy.maximum(variance, height * width) * (pattern ** 2).sum())
    return float((product / scale).max())


def likeness(picture, pattern):
    """The strongest correlation at any scale at which letters can be told."""
    best, width = 0.0, float(NARROWEST)
    while width <= picture.shape[1]:
        size = (round(width), max(1, round(width * pattern.height / pattern.width)))
        if size[1] <= picture.shape[0]:
            best = max(best, correlation(picture, numpy.asarray(pattern.resize(size, Image.Resampling.BOX), float)))
        width *= STEP
    return best


def main():
    slide, page, *outputs = sys.argv[1:]
    with openslide.OpenSlide(slide) as opened:
        patterns = {name: opened.associated_images[name].convert("L") for name in ("label", "macro")}
    photographs = [Image.open(io.BytesIO(base64.b64decode(text))) for text in re.findall(r"/9j/[A-Za-z0-9+/]+=*", pathlib.Path(page).read_text())]
    of_page = {name: max(likeness(gray(photograph), pattern) for photograph in photographs) for name, pattern in patterns.items()}
    found, control = {}, {}
    for path in outputs:
        pages, best, bytes_ = 0, {name: 0.0 for name in patterns}, b""
        with tifffile.TiffFile(path) as file:
            # Directories that hang below others would be associated images, too.
            for page in [*file.pages, *(sub for page in file.pages for sub in page.pages or [])]:
                pages += 1
                picture = page.asarray()
                bytes_ += b"\n".join(f"{tag.name} {tag.value}".encode() for tag in page.tags) + picture.tobytes()
                small = gray(picture)
                for name, pattern in patterns.items():
                    best[name] = max(best[name], likeness(small, pattern))
                for name in patterns.keys() - control.keys():
                    pasted, pattern = Image.fromarray(picture), patterns[name]
                    width = pasted.width // 3
                    pasted.paste(pattern.resize((width, width * pattern.height // pattern.width)), (width // 2, width // 3))
                    control[name] = likeness(gray(numpy.asarray(pasted)), pattern)
            widths = [page.imagewidth for page in file.pages]
        with openslide.OpenSlide(path) as opened:
            associated = list(opened.associated_images)
        pathlib.Path(path + ".bytes").write_bytes(bytes_)
        found[path] = {"pictures": pages, "widths": widths, "associated": associated, "likeness": best}
    print(json.dumps({"page": {"pictures": len(photographs), "likeness": of_page}, "outputs": found, "pasted": control}))


if __name__ == "__main__":
    main()
