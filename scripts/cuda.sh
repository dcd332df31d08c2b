#!/usr/bin/env bash
# Builds target/cuda/restain, which uses an NVIDIA GPU where there is one: see `make cuda`.
#
# Neither a GPU nor the CUDA toolkit is needed. The compiler comes from PyPI, and no CUDA library is linked: the program
# opens each at its first use (scripts/cuda_stubs.py), so it starts on every machine and runs on the CPU where a library is
# missing. CUDA_COMPUTE_CAP chooses the oldest kind of GPU that it will run on; 80, the first with bf16, by default.
# Who has the toolkit can build with `cargo build --release --features cuda` instead.
set -euo pipefail
cd "$(dirname "$0")/.."
[[ $(uname -sm) == "Linux x86_64" ]] || { echo "make cuda works on Linux on x86-64 alone" >&2; exit 1; }

root=$PWD/target/cuda
toolkit=$root/python/nvidia/cu13
mkdir -p "$root/link"

# One call: a second one into the same folder would replace what the first has put into nvidia/cu13.
if ! cmp -s fixtures/python/cuda.txt "$root/requirements.txt"; then
    rm -rf "$root/python"
    target/venv/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --target "$root/python" --requirement fixtures/python/cuda.txt
    ln -sfn lib "$toolkit/lib64"
    cp fixtures/python/cuda.txt "$root/requirements.txt"
fi
export CUDA_HOME=$toolkit NVCC=$toolkit/bin/nvcc PATH=$toolkit/bin:$PATH
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-80} CUDARC_CUDA_VERSION=13000

# What the linker finds under the names of the CUDA libraries.
cudarc=$(cargo metadata --format-version 1 --features cuda --filter-platform x86_64-unknown-linux-gnu |
    python3 -c 'import json, os, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "cudarc": print(os.path.dirname(package["manifest_path"]))')
python3 scripts/cuda_stubs.py "$cudarc" "$root/link"
for source in "$root"/link/*.c; do
    name=$(basename "$source" .c)
    gcc -O2 -fPIC -c "$source" -o "${source%.c}.c.o"
    gcc -c "${source%.c}.S" -o "${source%.c}.s.o"
    rm -f "$root/link/lib${name}_stub.a"
    ar rcs "$root/link/lib${name}_stub.a" "${source%.c}.c.o" "${source%.c}.s.o"
    echo "INPUT($root/link/lib${name}_stub.a)" >"$root/link/lib$name.so"
done
echo "INPUT($toolkit/lib/libcudart_static.a)" >"$root/link/libcudart.so"

RESTAIN_CUDA_LINK=$root/link cargo build --release --features cuda --target-dir "$root/build"
cp "$root/build/release/restain" "$root/restain"
if readelf -d "$root/restain" | grep -E 'NEEDED.*lib(cu|nv)'; then
    echo "a CUDA library was linked after all" >&2
    exit 1
fi
ls -l "$root/restain"
