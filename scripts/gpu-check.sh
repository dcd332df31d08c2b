#!/usr/bin/env bash
# Everything that only a machine with an NVIDIA GPU can show: tests, correctness, speed; ends with a table.
#
#   scripts/gpu-check.sh [WxH [WxH]]   the slide to measure, 20000x20000, and the one to compare on, 6000x6000
#
# It needs what `make gpu-bundle` has put into target/cuda/bundle, copied here with the folder scripts, and nothing that
# compiles. CUDA's libraries (libcuda.so.1, and libcublas.so.13 and libcurand.so.10 to train) must be found, through
# LD_LIBRARY_PATH for instance. Where a python3 has PyTorch, G runs on it side by side. Writes docs/benchmarks/gpu-check.md
# and, with PyTorch, docs/benchmarks/g-cuda.md.
set -uo pipefail
cd "$(dirname "$0")/.."
bundle=$PWD/target/cuda/bundle size=${1:-20000x20000} small=${2:-6000x6000}
export LD_LIBRARY_PATH=$bundle/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
rows=() failed=0

row() { rows+=("| $1 | $2 |"); printf '%s: %s\n' "$1" "$2"; }
# Runs a command; its log shows where it fails.
check() {
    local name=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        row "$name" "ok"
    else
        row "$name" "FAILED"
        failed=1
        tail -40 "$work/log"
    fi
}
number() { sed -n "s/.*\"$1\": \([0-9.]*\).*/\1/p" | head -1; }

gpu=$(nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null | head -1)
row "GPU, driver, memory" "${gpu:-not known}"
check "G on the GPU: tests" "$bundle/restain_net-tests" gpu::engine
check "training on the GPU: tests" "$bundle/training_on_gpu-tests"

"$bundle/restain" synth slide "$work/small.mrxs" --size "$small" --quiet || exit 1
close() { # GPU against CPU in f32: largest and mean difference, in grey levels
    local precision=$1 most=$2 mean=$3 difference largest average
    for device in cuda cpu; do
        "$bundle/restain" normalize "$work/small.mrxs" -o "$work/$device.tif" --force --quiet --compression deflate \
            --gray model --device $device --precision "$([[ $device == cpu ]] && echo f32 || echo "$precision")" || return 1
    done
    difference=$("$bundle/restain" compare "$work/cuda.tif" "$work/cpu.tif" --json) || return 1
    largest=$(number max_difference <<<"$difference") average=$(number mean_difference <<<"$difference")
    row "$precision on the GPU against f32 on the CPU" "$largest grey levels at most, $average on average"
    awk -v l="$largest" -v a="$average" -v m="$most" -v n="$mean" 'BEGIN { exit !(l <= m && a <= n) }'
}
for bound in "bf16 4 0.4" "f32 1 0.01"; do
    # shellcheck disable=SC2086
    close $bound || { row "${bound%% *}: within bounds" "FAILED"; failed=1; }
done
"$bundle/restain" normalize "$work/small.mrxs" -o "$work/again.tif" --quiet --compression deflate --device cuda --threads 3
"$bundle/restain" normalize "$work/small.mrxs" -o "$work/cuda.tif" --force --quiet --compression deflate --device cuda
check "the same bytes with other threads" cmp "$work/again.tif" "$work/cuda.tif"

"$bundle/restain" synth slide "$work/slide.mrxs" --size "$size" --quiet || exit 1
if "$bundle/restain" normalize "$work/slide.mrxs" -o "$work/slide.tif" --device cuda --quiet --json >"$work/report.json"; then
    row "slide of $size px" "$(number seconds <"$work/report.json") s, $(number mp_per_s <"$work/report.json") MP/s"
    for stage in read stain generate reassemble encode write; do
        row "seconds of $stage, summed over its threads" "$(number $stage <"$work/report.json")"
    done
else
    row "slide of $size px" "FAILED"
    failed=1
fi

if python3 -c 'import torch; assert torch.cuda.is_available()' 2>/dev/null; then
    python3 scripts/bench_g.py --device cuda --serve "$bundle/serve" || failed=1
else
    row "G on PyTorch" "no PyTorch that sees the GPU"
fi
{
    printf '# What a GPU shows\n\n`scripts/gpu-check.sh %s`, %s processors.\n\n| | |\n| --- | --- |\n' "$size" "$(nproc)"
    printf '%s\n' "${rows[@]}"
} | tee docs/benchmarks/gpu-check.md
exit $failed
