#!/usr/bin/env bash
# Checks restain on a machine with an NVIDIA GPU: the same slide on the GPU and on the CPU in f32, their largest
# difference, and the speed of both.
#
#   scripts/gpu_check.sh [RESTAIN] [WxH]      default: target/cuda/restain (see make cuda), 8000x8000
#
# The CUDA libraries must be found, through LD_LIBRARY_PATH for instance. Nothing else is needed but the binary and
# libopenslide. The two may differ by one grey level, as f32 sums in another order may.
set -euo pipefail
restain=${1:-target/cuda/restain} size=${2:-8000x8000}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

"$restain" synth slide "$folder/slide.mrxs" --size "$size" --quiet
for device in cuda cpu; do
    "$restain" normalize "$folder/slide.mrxs" -o "$folder/$device.tif" --device "$device" --precision f32 \
        --compression deflate --quiet --json >"$folder/$device.json"
    echo "$device: $(grep -E '"(device|kernels|mp_per_s|generate)"' "$folder/$device.json" | tr -d '\n ')"
done
"$restain" compare "$folder/cuda.tif" "$folder/cpu.tif"
largest=$("$restain" compare "$folder/cuda.tif" "$folder/cpu.tif" --json | sed -n 's/.*"max_difference": \([0-9]*\).*/\1/p')
[[ $largest -le 1 ]] || { echo "WRONG: GPU and CPU differ by $largest grey levels" >&2; exit 1; }
