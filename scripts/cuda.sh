#!/usr/bin/env bash
# Builds restain for NVIDIA GPUs on a machine that needs neither a GPU nor the CUDA toolkit.
#
#   scripts/cuda.sh build     target/cuda/restain: see `make cuda`
#   scripts/cuda.sh bundle    target/cuda/bundle, all that scripts/gpu-check.sh needs: see `make gpu-bundle`
#   scripts/cuda.sh emulate COMMAND   runs a command of cargo, with support for GPUs where they can be emulated: see `make test`
#
# For `build` and `bundle` the compiler comes from PyPI; who has the toolkit can run `cargo build --release --features cuda` instead.
# `emulate` compiles no kernel: the emulated driver brings its own. No CUDA library is linked: the program opens each at its
# first use (scripts/cuda_stubs.py), so it starts on every machine and runs on the CPU where a library is missing.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=${1:?build, bundle or emulate}
if [[ $(uname -sm) != "Linux x86_64" ]]; then
    [[ $mode != emulate ]] || exec "${@:2}"
    echo "the variant for GPUs builds on Linux on x86-64 alone" >&2
    exit 1
fi
root=$PWD/target/cuda
link=$root/link
[[ $mode != emulate ]] || link=$root/link-emulated
mkdir -p "$link"
export CUDA_COMPUTE_CAP=${CUDA_COMPUTE_CAP:-80} CUDARC_CUDA_VERSION=13000

get_compiler() {
    local toolkit=$root/python/nvidia/cu13
    # One call: a second one into the same folder would replace what the first has put into nvidia/cu13.
    if ! cmp -s fixtures/python/cuda.txt "$root/requirements.txt"; then
        rm -rf "$root/python"
        target/venv/bin/pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
            --target "$root/python" --requirement fixtures/python/cuda.txt
        ln -sfn lib "$toolkit/lib64"
        cp fixtures/python/cuda.txt "$root/requirements.txt"
    fi
    export CUDA_HOME=$toolkit NVCC=$toolkit/bin/nvcc PATH=$toolkit/bin:$PATH
    echo "INPUT($toolkit/lib/libcudart_static.a)" >"$link/libcudart.so"
}

# What the linker finds under the names of the CUDA libraries.
make_stubs() {
    local cudarc source name
    cudarc=$(cargo metadata --format-version 1 --features cuda --filter-platform x86_64-unknown-linux-gnu |
        python3 -c 'import json, os, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "cudarc": print(os.path.dirname(package["manifest_path"]))')
    python3 scripts/cuda_stubs.py "$cudarc" "$link"
    for source in "$link"/*.c; do
        name=$(basename "$source" .c)
        gcc -O2 -fPIC -c "$source" -o "${source%.c}.c.o"
        gcc -c "${source%.c}.S" -o "${source%.c}.s.o"
        rm -f "$link/lib${name}_stub.a"
        ar rcs "$link/lib${name}_stub.a" "${source%.c}.c.o" "${source%.c}.s.o"
        echo "INPUT($link/lib${name}_stub.a)" >"$link/lib$name.so"
    done
}

build() {
    get_compiler
    make_stubs
    RESTAIN_CUDA_LINK=$link cargo build --release --features cuda --target-dir "$root/build"
    cp "$root/build/release/restain" "$root/restain"
    if readelf -d "$root/restain" | grep -E 'NEEDED.*lib(cu|nv)'; then
        echo "a CUDA library was linked after all" >&2
        exit 1
    fi
    ls -l "$root/restain"
}

# The program, the tests of G and of its training, G on demand, and OpenSlide 4; all without debug symbols.
bundle() {
    local out=$root/bundle
    rm -rf "$out"
    mkdir -p "$out/lib"
    RESTAIN_CUDA_LINK=$link cargo test --release --features cuda --package restain-net --lib --test training_on_gpu \
        --no-run --target-dir "$root/build" --message-format json |
        python3 -c 'import json, sys
for line in sys.stdin:
    artifact = json.loads(line)
    if artifact.get("executable"): print(artifact["executable"], artifact["target"]["name"])' |
        while read -r program name; do cp "$program" "$out/$name-tests"; done
    RESTAIN_CUDA_LINK=$link cargo build --release --features cuda --package restain-net --example serve \
        --target-dir "$root/build"
    cp "$root/restain" "$root/build/release/examples/serve" "$out"
    strip "$out"/*-tests "$out/restain" "$out/serve"
    scripts/with-openslide-4.sh cp -L target/openslide-4/libopenslide.so.0 "$out/lib"
    du -sh "$out"
}

case $mode in
    build) build ;;
    bundle)
        build
        bundle
        ;;
    emulate)
        export NVCC=$PWD/scripts/no_nvcc.sh
        echo "INPUT()" >"$link/libcudart.so"
        make_stubs
        RESTAIN_CUDA_LINK=$link exec "${@:2}" --features restain/cuda
        ;;
    *) echo "build, bundle or emulate" >&2; exit 2 ;;
esac
