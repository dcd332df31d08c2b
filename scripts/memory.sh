#!/usr/bin/env bash
# Shows that peak memory follows the width of a slide and never its height: see `make bench-memory`. Takes minutes and
# some 10 GB of disk in out/bench, which it frees again. Writes docs/benchmarks/memory.md.
set -euo pipefail
cd "$(dirname "$0")/.."
restain=target/release/restain
folder=out/bench
table=docs/benchmarks/memory.md
mkdir -p "$folder" "$(dirname "$table")"

# Peak memory in bytes, megapixels a second, and seconds of `normalize --model identity`, those of the run with the
# median peak of three; the slide has size $1 and coverage $2.
measure() {
    local slide=$folder/memory.mrxs output=$folder/memory.tif
    "$restain" synth slide "$slide" --size "$1" --coverage "$2" --force --quiet
    for _ in 1 2 3; do
        "$restain" normalize "$slide" -o "$output" --model identity --force --quiet --json |
            python3 -c 'import json, sys
report = json.load(sys.stdin)
print(report["peak_memory"], round(report["mp_per_s"], 1), round(report["seconds"], 1))'
    done | sort -n | sed -n 2p
    rm -rf "$slide" "${slide%.mrxs}" "$output"
}

read -r square square_speed square_seconds < <(measure 20000x20000 1)
read -r tall tall_speed tall_seconds < <(measure 20000x80000 1)
read -r huge huge_speed huge_seconds < <(measure 100000x100000 0.05)

# What `--memory $3` makes of a slide of size $1 and the model $2: tile, threads and peak memory in bytes.
within() {
    local slide=$folder/memory.mrxs output=$folder/memory.tif
    "$restain" normalize "$slide" -o "$output" --model "$2" --memory "$3" --threads 8 --device cpu --force --quiet --json |
        python3 -c 'import json, sys
report = json.load(sys.stdin)
print(report["tile"], report["threads"], report["peak_memory"])'
}

limits=()
for case in "40000x3000 identity 300MiB 350MiB 400MiB 1GiB" "5000x5000 shipped 200MiB 250MiB 300MiB 1GiB"; do
    read -r size model allowed <<<"$case"
    "$restain" synth slide "$folder/memory.mrxs" --size "$size" --force --quiet
    for limit in $allowed; do
        limits+=("$size $model $limit $(within "$size" "$model" "$limit")")
    done
    rm -rf "$folder"/memory*
done

mib() { awk -v bytes="$1" 'BEGIN { printf "%.0f", bytes / 1048576 }'; }
grows=$(awk -v a="$square" -v b="$tall" 'BEGIN { printf "%+.1f", 100 * (b / a - 1) }')
{
    echo "# Peak memory"
    echo
    echo "\`make bench-memory\`, identity model, $("$restain" --version), $(nproc) processors, the median of three runs."
    echo
    echo "| slide, px | scanned | peak memory, MiB | MP/s | seconds |"
    echo "| --- | --- | --- | --- | --- |"
    echo "| 20,000 x 20,000 | all | $(mib "$square") | $square_speed | $square_seconds |"
    echo "| 20,000 x 80,000 | all | $(mib "$tall") | $tall_speed | $tall_seconds |"
    echo "| 100,000 x 100,000 | 5 % | $(mib "$huge") | $huge_speed | $huge_seconds |"
    echo
    echo "Four times the height takes $grows % of memory (bound: 10 % either way); the huge slide is to stay under 2048 MiB."
    echo
    echo "With \`--memory\`, which makes tiles smaller and threads fewer where a slide would need more; 8 threads were asked for:"
    echo
    echo "| slide, px | model | allowed | tile, px | threads | peak memory, MiB |"
    echo "| --- | --- | --- | --- | --- | --- |"
    for row in "${limits[@]}"; do
        read -r size model limit tile threads peak <<<"$row"
        echo "| ${size/x/ x } | $model | $limit | $tile | $threads | $(mib "$peak") |"
    done
} | tee "$table"

for row in "${limits[@]}"; do
    read -r _ _ limit _ _ peak <<<"$row"
    [[ $peak -le $(numfmt --from=iec-i "${limit%B}") ]] || { echo "MISSED: $row" >&2; exit 1; }
done

awk -v a="$square" -v b="$tall" -v c="$huge" \
    'BEGIN { d = b / a - 1; exit !(d <= 0.1 && d >= -0.1 && c < 2 * 1024 ^ 3) }' ||
    { echo "MISSED" >&2; exit 1; }
