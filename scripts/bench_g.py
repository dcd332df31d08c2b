#!/usr/bin/env python3
"""G of restain against G on other engines: one tile each, taking turns, in one run.

    target/peers/bin/python scripts/bench_g.py [--tiles 512,1024,2048] [--rounds 5] [--device cpu] [--serve PROGRAM]

For each tile size and for one and all threads, every engine runs a tile in turn. restain is asked from bytes to bytes:
its last layer also rounds to 8 bits. The others start and end with floats of their own layout. AVX2 is restain with the
kernels for older processors; ONNX Runtime has no switch that would limit it to the same instructions.

With `--device cuda` the peer is PyTorch on the GPU, the same batch of tiles at a time, which lie in the GPU's memory already;
restain's bytes go there and back. Everything else needs to be where it is on the CPU but ONNX Runtime and OpenVINO.

Writes docs/benchmarks/g.md and target/bench/g.json, whose `ratios` are restain's median speed over that of the fastest
peer of the same precision; of a GPU, g-cuda.md and g-cuda.json.
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile
import time
import warnings

import torch

from torch_g import Generator

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent
BATCH_PIXELS = 16 << 20  # that restain gives a GPU at a time


class Restain:
    """A process that runs tiles for each line it is sent."""

    def __init__(self, serve, tile, precision, threads, processor="", device="cpu"):
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "RESTAIN_CPU": processor}
        self.process = subprocess.Popen([serve, str(tile), precision, device], env=environment, text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.kernels = self.process.stdout.readline().strip()

    def __call__(self):
        self.process.stdin.write("\n")
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def timed(run, tiles=1):
    """A peer: milliseconds of one tile."""
    def measure():
        started = time.perf_counter()
        run()
        return 1e3 * (time.perf_counter() - started) / tiles
    return measure


def on_torch(x):
    """G on PyTorch in both precisions, on the device where `x` is."""
    made = {}
    for name, kind, layout in (("PyTorch", torch.float32, torch.contiguous_format),
                               ("PyTorch channels-last", torch.bfloat16, torch.channels_last)):
        model = Generator(32).eval().to(x.device, kind).to(memory_format=layout)
        image = x.to(kind).to(memory_format=layout)

        def run(model=model, image=image):
            with torch.inference_mode():
                model(image)
                if image.is_cuda:
                    torch.cuda.synchronize()
        made[name, "f32" if kind == torch.float32 else "bf16"] = timed(run, len(x))
    return made


def on_the_cpu(serve, tile, threads):
    """The engines by name, each of a precision."""
    import onnxruntime
    import openvino

    torch.set_num_threads(threads)
    x = torch.rand(1, 2, tile, tile)
    made = {
        ("restain", "f32"): Restain(serve, tile, "f32", threads),
        ("restain", "bf16"): Restain(serve, tile, "bf16", threads),
        ("restain AVX2", "f32"): Restain(serve, tile, "f32", threads, "avx2"),
    } | on_torch(x)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/g.onnx"
        torch.onnx.export(Generator(32).eval(), x, path, input_names=["x"], output_names=["y"], dynamo=False,
                          opset_version=17)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        made[f"ONNX Runtime {onnxruntime.__version__}", "f32"] = timed(lambda: session.run(None, {"x": x.numpy()}))
        core = openvino.Core()
        model = core.read_model(path)
        for precision in ("f32", "bf16"):
            hints = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads}
            request = core.compile_model(model, "CPU", hints).create_infer_request()
            made[f"OpenVINO {openvino.__version__.split('-')[0]}", precision] = timed(
                lambda request=request: request.infer([x.numpy()]))
    return made


def on_the_gpu(serve, tile, _):
    """restain from bytes to bytes, and PyTorch on as many tiles, which lie in the GPU's memory."""
    x = torch.rand(max(BATCH_PIXELS // tile**2, 1), 2, tile, tile, device="cuda")
    made = {("restain", precision): Restain(serve, tile, precision, 0, device="cuda") for precision in ("f32", "bf16")}
    return made | on_torch(x)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", default="512,1024,2048")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--serve", type=pathlib.Path, default=ROOT / "target/release/examples/serve")
    arguments = parser.parse_args()
    gpu, every = arguments.device == "cuda", len(os.sched_getaffinity(0))
    tiles = [int(tile) for tile in arguments.tiles.split(",")]
    columns = [(tile, threads) for tile in tiles for threads in ([every] if gpu else sorted({1, every}))]
    speeds, ratios, kernels = {}, {}, {}
    for tile, threads in columns:
        made = (on_the_gpu if gpu else on_the_cpu)(arguments.serve, tile, threads)
        for run in made.values():
            run()  # the first is no measure
        times = {key: [] for key in made}
        for _ in range(arguments.rounds):
            for key, run in made.items():
                times[key].append(run())
        for key, run in made.items():
            speeds[tile, threads, *key] = tile * tile / 1e3 / statistics.median(times[key])
            if isinstance(run, Restain):
                kernels[key] = run.kernels
                run.close()
        column = f"tile {tile}" if gpu else f"tile {tile} threads {threads}"
        for precision in ("f32", "bf16"):
            peers = [speeds[tile, threads, *key] for key in made
                     if key[1] == precision and not key[0].startswith("restain")]
            ratios[f"{precision} {column}"] = speeds[tile, threads, "restain", precision] / max(peers)
        for name, precision in made:
            if name.startswith("ONNX Runtime"):
                old = speeds[tile, threads, "restain AVX2", "f32"] / speeds[tile, threads, name, precision]
                ratios[f"AVX2 over ONNX Runtime {column}"] = old

    rows = sorted({key[2:] for key in speeds}, key=lambda key: (key[1], key[0]))
    where = torch.cuda.get_device_name() if gpu else f"{every} processors"
    command = "scripts/bench_g.py --device cuda" if gpu else "make bench-g"
    heads = (f"{tile} px" if gpu else f"{tile} px, {threads} thr." for tile, threads in columns)
    lines = [
        f"# G, base width 32, on the {'GPU' if gpu else 'CPU'}", "",
        f"`{command}`: megapixels a second, median of {arguments.rounds} turns, {where};",
        f"restain's kernels are {kernels['restain', 'f32']} and {kernels['restain', 'bf16']}; PyTorch {torch.__version__}.",
        "", "| engine | | " + " | ".join(heads) + " |", "| --- " * (len(columns) + 2) + "|",
    ]
    for name, precision in rows:
        cells = (f"{speeds[tile, threads, name, precision]:.2f}" for tile, threads in columns)
        lines.append(f"| {name} | {precision} | " + " | ".join(cells) + " |")
    lines += ["", "restain over the fastest of the others:", "", "| | ratio |", "| --- | --- |"]
    lines += [f"| {name} | {ratio:.2f} |" for name, ratio in ratios.items()]
    print("\n".join(lines))
    named = {" ".join(map(str, key)): value for key, value in speeds.items()}
    name = "g-cuda" if gpu else "g"
    for path, text in ((ROOT / f"docs/benchmarks/{name}.md", "\n".join(lines)),
                       (ROOT / f"target/bench/{name}.json",
                        json.dumps({"mp_per_s": named, "ratios": ratios, "target": 1.0}, indent=2))):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")


if __name__ == "__main__":
    main()
