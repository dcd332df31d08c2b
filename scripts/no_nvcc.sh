#!/usr/bin/env bash
# Stands in for nvcc where no kernel is run that it would compile (see `make emulated-gpu`): makes the files that it would
# make, empty.
set -euo pipefail
folder=. output= source=
while [[ $# -gt 0 ]]; do
    case $1 in
        --version) echo "Cuda compilation tools, release 13.0, V13.0.88"; exit ;;
        -o) output=$2; shift ;;
        --output-directory) folder=$2; shift ;;
        *.cu) source=$1 ;;
    esac
    shift
done
output=${output:-$folder/$(basename "$source" .cu).ptx}
case $output in
    *.a) printf '!<arch>\n' >"$output" ;;
    *) : >"$output" ;;
esac
