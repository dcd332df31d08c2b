"""Opens a TIFF with every reader that people use and compares all levels with what was to be written.

    readers.py FILE.tif FOLDER [--system-openslide]

FOLDER/expected.json says what to expect:
    lossless   whether pixels must be equal
    mpp        micrometres a pixel of level 0, across and down
    tile       side of a tile
    exact      JPEG without chroma subsampling, so that all decoders agree to a grey level or two
    levels     for each level width, height, tile where it has smaller ones, and the names of two raw files of
               interleaved RGB in FOLDER: source (what was given to the encoder) and decoded (what libjpeg-turbo
               makes of the tiles)

With --system-openslide only the system's OpenSlide is asked, instead of the one from the package openslide-bin.
Prints one line a reader; the first thing that is wrong ends it with exit status 1.
"""

import json
import logging
import subprocess
import sys
import tempfile
from pathlib import Path

SYSTEM_OPENSLIDE = "--system-openslide"
if SYSTEM_OPENSLIDE in sys.argv:
    # The Python package prefers the library that openslide-bin brings along, unless that cannot be imported.
    sys.modules["openslide_bin"] = None

import numpy
import openslide
import pyvips
import tifffile

# Grey levels. Decoders round YCbCr to RGB differently; without chroma subsampling nothing else differs.
DECODERS_DIFFER = 2
# What JPEG at quality 90 may do to the drawing on average; a coarse level is all edges, and says nothing.
JPEG_MEAN = 3
JPEG_SMALLEST = 100


def require(condition, *complaint):
    if not condition:
        raise SystemExit("WRONG: " + " ".join(str(part) for part in complaint))


class Expected:
    """What each level must look like."""

    def __init__(self, folder):
        self.folder = folder
        document = json.loads((folder / "expected.json").read_text())
        self.lossless = document["lossless"]
        self.exact = document["exact"]
        self.mpp = document["mpp"]
        self.tiles = [level.get("tile", document["tile"]) for level in document["levels"]]
        self.sizes = [(level["width"], level["height"]) for level in document["levels"]]
        self.source = [self._picture(folder, level, "source") for level in document["levels"]]
        self.decoded = [self._picture(folder, level, "decoded") for level in document["levels"]]

    @staticmethod
    def _picture(folder, level, kind):
        shape = (level["height"], level["width"], 3)
        return numpy.fromfile(folder / level[kind], numpy.uint8).reshape(shape).astype(int)

    def check(self, reader, level, pixels):
        """Compares the pixels that a reader got of a level."""
        require(pixels.shape == self.source[level].shape, reader, "level", level, "has shape", pixels.shape)
        pixels = pixels.astype(int)
        error = numpy.abs(pixels - self.source[level])
        if self.lossless:
            require(error.max() == 0, reader, "level", level, "differs by up to", error.max())
            return
        small = min(self.sizes[level]) < JPEG_SMALLEST
        require(small or error.mean() <= JPEG_MEAN, reader, "level", level, "differs on average by", error.mean())
        if self.exact:
            error = numpy.abs(pixels - self.decoded[level]).max()
            require(error <= DECODERS_DIFFER, reader, "level", level, "is not what libjpeg decodes:", error)


def close(found, wanted):
    return abs(float(found) / wanted - 1) < 1e-4


def with_tifffile(path, expected):
    """The TIFF as it is: every directory at top level, tiled, reduced ones flagged; no complaint."""
    complaints = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: complaints.append(record.getMessage())
    logging.getLogger("tifffile").addHandler(handler)
    with tifffile.TiffFile(path) as tiff:
        require(tiff.is_bigtiff, "tifffile: no BigTIFF")
        require(len(tiff.pages) == len(expected.sizes), "tifffile: levels", len(tiff.pages))
        for level, page in enumerate(tiff.pages):
            require((page.imagewidth, page.imagelength) == expected.sizes[level], "tifffile: size of level", level)
            require(page.tilewidth == page.tilelength == expected.tiles[level], "tifffile: tiles of", level)
            require(page.is_reduced == (level > 0), "tifffile: reduced flag of level", level)
            across, down = (10_000 / value for value in page.get_resolution(tifffile.RESUNIT.CENTIMETER))
            require(close(across, expected.mpp[0] * 2**level), "tifffile: mpp of level", level, across)
            require(close(down, expected.mpp[1] * 2**level), "tifffile: mpp of level", level, down)
            expected.check("tifffile", level, page.asarray())
    require(not complaints, "tifffile complains:", complaints)


def with_libvips(path, expected):
    """Each page of libvips is a level; its command line must have nothing to say on stderr."""
    pages = pyvips.Image.new_from_file(str(path)).get("n-pages")
    require(pages == len(expected.sizes), "libvips: levels", pages)
    for level in range(pages):
        image = pyvips.Image.new_from_file(str(path), page=level)
        # Pixels a millimetre.
        require(close(1000 / image.xres, expected.mpp[0] * 2**level), "libvips: mpp of level", level)
        require(close(1000 / image.yres, expected.mpp[1] * 2**level), "libvips: mpp of level", level)
        expected.check("libvips", level, image.numpy())
    with tempfile.TemporaryDirectory() as folder:
        for command in (
            ["vipsheader", "-a", path],
            *(["vips", "copy", f"{path}[page={level}]", f"{folder}/{level}.v"] for level in range(pages)),
            ["vips", "dzsave", path, f"{folder}/zoom"],
        ):
            run(command)


def run(command):
    """Runs a command that must end well and silently; gives its output."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    require(done.returncode == 0 and not done.stderr, *command, "says:", done.stderr)
    return done.stdout


def downsample(expected, level):
    (width, height), (coarse_width, coarse_height) = expected.sizes[0], expected.sizes[level]
    return (width / coarse_width + height / coarse_height) / 2


def with_openslide(path, expected):
    """Each level a level; resolution and downsamples as written."""
    name = f"OpenSlide {openslide.__library_version__}"
    with openslide.OpenSlide(str(path)) as slide:
        properties = slide.properties
        require(properties["openslide.vendor"] == "generic-tiff", name, "vendor", properties["openslide.vendor"])
        for axis, mpp in zip("xy", expected.mpp):
            # OpenSlide 3 gives the tags of a generic TIFF; 4 makes openslide.mpp-x and -y of them.
            require(properties["tiff.ResolutionUnit"] == "centimeter", name, "unit of resolution")
            require(close(1e4 / float(properties[f"tiff.{axis.upper()}Resolution"]), mpp), name, "resolution")
            if openslide.__library_version__ >= "4":
                require(close(properties[f"openslide.mpp-{axis}"], mpp), name, "mpp")
        require(list(slide.level_dimensions) == expected.sizes, name, "levels", slide.level_dimensions)
        for level, size in enumerate(slide.level_dimensions):
            require(close(slide.level_downsamples[level], downsample(expected, level)), name, "downsample", level)
            pixels = numpy.asarray(slide.read_region((0, 0), level, size))
            require((pixels[..., 3] == 255).all(), name, "level", level, "is not opaque")
            expected.check(name, level, pixels[..., :3])
    return f"fine ({name})"


def with_system_openslide(path, expected):
    """The same with the system's library, 3.4.1 on Debian 12: see the imports."""
    return run([sys.executable, __file__, path, expected.folder, SYSTEM_OPENSLIDE]).strip()


def main():
    path, expected = Path(sys.argv[1]), Expected(Path(sys.argv[2]))
    readers = [with_tifffile, with_libvips, with_openslide, with_system_openslide]
    if SYSTEM_OPENSLIDE in sys.argv:
        readers = [with_openslide]
    for reader in readers:
        print(f"{reader.__name__[5:]}: {reader(path, expected) or 'fine'}")


if __name__ == "__main__":
    main()
