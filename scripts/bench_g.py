#!/usr/bin/env python3
"""G of restain against G on other engines: one tile each, taking turns, in one run.

    target/peers/bin/python scripts/bench_g.py [--tiles 512,1024,2048] [--rounds 5]

For each tile size and for one and all threads, every engine runs a tile in turn. restain is asked from bytes to bytes:
its last layer also rounds to 8 bits. The others start and end with floats of their own layout. AVX2 is restain with the
kernels for older processors; ONNX Runtime has no switch that would limit it to the same instructions.

Writes docs/benchmarks/g.md and target/bench/g.json, whose `ratios` are restain's median speed over that of the fastest
peer of the same precision.
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

import onnxruntime
import openvino
import torch

from torch_g import Generator

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent
SERVE = ROOT / "target/release/examples/serve"


class Restain:
    """A process that runs a tile for each line it is sent."""

    def __init__(self, tile, precision, threads, processor=""):
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "RESTAIN_CPU": processor}
        self.process = subprocess.Popen([SERVE, str(tile), precision], env=environment, text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.kernels = self.process.stdout.readline().strip()

    def __call__(self):
        self.process.stdin.write("\n")
        return float(self.process.stdout.readline())

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def timed(run):
    """A peer: milliseconds of one tile."""
    def measure():
        started = time.perf_counter()
        run()
        return 1e3 * (time.perf_counter() - started)
    return measure


def engines(tile, threads):
    """The engines by name, each of a precision, all with their first runs behind them."""
    torch.set_num_threads(threads)
    made = {
        ("restain", "f32"): Restain(tile, "f32", threads),
        ("restain", "bf16"): Restain(tile, "bf16", threads),
        ("restain AVX2", "f32"): Restain(tile, "f32", threads, "avx2"),
    }
    x = torch.rand(1, 2, tile, tile)
    for name, kind, layout in (("PyTorch", torch.float32, torch.contiguous_format),
                               ("PyTorch channels-last", torch.bfloat16, torch.channels_last)):
        model = Generator(32).eval().to(kind).to(memory_format=layout)
        image = x.to(kind).to(memory_format=layout)

        def run(model=model, image=image):
            with torch.inference_mode():
                model(image)
        made[name, "f32" if kind == torch.float32 else "bf16"] = timed(run)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/g.onnx"
        torch.onnx.export(Generator(32).eval(), x, path, input_names=["x"], output_names=["y"], dynamo=False,
                          opset_version=17)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        made["ONNX Runtime", "f32"] = timed(lambda: session.run(None, {"x": x.numpy()}))
        core = openvino.Core()
        model = core.read_model(path)
        for precision in ("f32", "bf16"):
            hints = {"INFERENCE_PRECISION_HINT": precision, "INFERENCE_NUM_THREADS": threads}
            request = core.compile_model(model, "CPU", hints).create_infer_request()
            made["OpenVINO", precision] = timed(lambda request=request: request.infer([x.numpy()]))
    for run in made.values():
        run()
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tiles", default="512,1024,2048")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    every = len(os.sched_getaffinity(0))
    speeds, ratios, kernels = {}, {}, {}
    for tile in map(int, arguments.tiles.split(",")):
        for threads in sorted({1, every}):
            made = engines(tile, threads)
            times = {key: [] for key in made}
            for _ in range(arguments.rounds):
                for key, run in made.items():
                    times[key].append(run())
            for key, run in made.items():
                speeds[tile, threads, *key] = tile * tile / 1e3 / statistics.median(times[key])
                if isinstance(run, Restain):
                    kernels[key] = run.kernels
                    run.close()
            for precision in ("f32", "bf16"):
                peers = [speeds[tile, threads, *key] for key in made
                         if key[1] == precision and not key[0].startswith("restain")]
                ours = speeds[tile, threads, "restain", precision]
                ratios[f"{precision} tile {tile} threads {threads}"] = ours / max(peers)
            old = speeds[tile, threads, "restain AVX2", "f32"] / speeds[tile, threads, "ONNX Runtime", "f32"]
            ratios[f"AVX2 over ONNX Runtime tile {tile} threads {threads}"] = old

    columns = [(tile, threads) for tile in map(int, arguments.tiles.split(",")) for threads in sorted({1, every})]
    rows = sorted({key[2:] for key in speeds}, key=lambda key: (key[1], key[0]))
    lines = [
        "# G, base width 32, on the CPU", "",
        f"`make bench-g`: megapixels a second, median of {arguments.rounds} turns, {every} processors;",
        f"restain's kernels are {kernels['restain', 'f32']} and {kernels['restain', 'bf16']}; PyTorch {torch.__version__},",
        f"ONNX Runtime {onnxruntime.__version__}, OpenVINO {openvino.__version__.split('-')[0]}.", "",
        "| engine | | " + " | ".join(f"{tile} px, {threads} thr." for tile, threads in columns) + " |",
        "| --- " * (len(columns) + 2) + "|",
    ]
    for name, precision in rows:
        cells = (f"{speeds[tile, threads, name, precision]:.2f}" for tile, threads in columns)
        lines.append(f"| {name} | {precision} | " + " | ".join(cells) + " |")
    lines += ["", "restain over the fastest of the others:", "", "| | ratio |", "| --- | --- |"]
    lines += [f"| {name} | {ratio:.2f} |" for name, ratio in ratios.items()]
    (ROOT / "docs/benchmarks/g.md").write_text("\n".join(lines) + "\n")
    print("\n".join(lines))
    report = ROOT / "target/bench/g.json"
    report.parent.mkdir(parents=True, exist_ok=True)
    named = {" ".join(map(str, key)): value for key, value in speeds.items()}
    report.write_text(json.dumps({"mp_per_s": named, "ratios": ratios, "target": 1.0}, indent=2) + "\n")


if __name__ == "__main__":
    main()
