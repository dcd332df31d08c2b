#!/usr/bin/env python3
"""What a good engineer would write today instead of restain: a slide through G into a pyramid, in one short script.

    target/peers/bin/python scripts/slide_peer.py SLIDE OUT.tif

OpenSlide reads windows ahead on threads, PyTorch runs G in bf16 with channels last and the same halo, libvips writes
the pyramid. For scripts/bench_slide.py. The whole picture lies in memory.
"""
import json
import os
import pathlib
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy
import openslide
import pyvips
import torch
from safetensors.torch import load_file

from torch_g import Generator

TILE, HALO, GRID = 1024, 128, 64
MODEL = pathlib.Path(__file__).resolve().parent.parent / "crates/restain-net/models/cric.safetensors"


def main():
    path, out = sys.argv[1:]
    threads = len(os.sched_getaffinity(0))
    torch.set_num_threads(threads)
    model = Generator(32).eval()
    model.load_state_dict({name: value.float() for name, value in load_file(MODEL).items()}, strict=False)
    model = model.to(torch.bfloat16).to(memory_format=torch.channels_last)

    slide = openslide.OpenSlide(path)
    left, top, width, height = (int(slide.properties[f"openslide.bounds-{name}"]) for name in ("x", "y", "width", "height"))
    back = slide.properties.get("openslide.background-color", "ffffff")
    back = numpy.array([int(back[i:i + 2], 16) for i in (0, 2, 4)], dtype=numpy.float32)
    picture = numpy.empty((height, width, 3), dtype=numpy.uint8)
    corner_x, corner_y = left // GRID * GRID, top // GRID * GRID
    corners = [(x, y) for y in range(corner_y, top + height, TILE) for x in range(corner_x, left + width, TILE)]

    def read(corner):
        """The window of a tile as RGB on the background, and its gray and soft mask."""
        side = TILE + 2 * HALO
        pixels = numpy.asarray(slide.read_region((corner[0] - HALO, corner[1] - HALO), 0, (side, side)))
        alpha = pixels[..., 3:].astype(numpy.float32) / 255
        rgb = pixels[..., :3].astype(numpy.float32)
        rgb = (rgb * alpha + back * (1 - alpha)).round()
        r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
        gray = (0.299 * r + 0.587 * g + 0.114 * b) / 255
        mask = numpy.clip(0.5 + (r - numpy.maximum(g, b)) / 30.6, 0, 1)  # the soft mask of the shipped model
        return numpy.stack([gray, mask]), alpha

    with ThreadPoolExecutor(threads) as pool, torch.inference_mode():
        ahead = [pool.submit(read, corner) for corner in corners[:2 * threads]]
        for index, (x, y) in enumerate(corners):
            gm, alpha = ahead.pop(0).result()
            if index + 2 * threads < len(corners):
                ahead.append(pool.submit(read, corners[index + 2 * threads]))
            tensor = torch.from_numpy(gm)[None].to(torch.bfloat16).contiguous(memory_format=torch.channels_last)
            rgb = model(tensor)[0, :, HALO:-HALO, HALO:-HALO].float().permute(1, 2, 0).numpy() * 255
            alpha = alpha[HALO:-HALO, HALO:-HALO]
            rgb = (rgb * alpha + back * (1 - alpha)).round().astype(numpy.uint8)
            x0, y0 = max(x, left), max(y, top)
            x1, y1 = min(x + TILE, left + width), min(y + TILE, top + height)
            picture[y0 - top:y1 - top, x0 - left:x1 - left] = rgb[y0 - y:y1 - y, x0 - x:x1 - x]

    image = pyvips.Image.new_from_memory(picture.data, width, height, 3, "uchar").copy(interpretation="srgb")
    image.tiffsave(out, tile=True, pyramid=True, bigtiff=True, tile_width=512, tile_height=512, compression="jpeg", Q=90)
    print(json.dumps({"pixels": width * height}))


if __name__ == "__main__":
    main()
