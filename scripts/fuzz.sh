#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET ...]: feeds parsers what libFuzzer makes up, beginning with the files of fuzz/seeds; see `make fuzz`.
# Each target of fuzz/src/lib.rs may take SECONDS, 1 GiB of memory, 512 MiB of it at once, and 5 seconds an input; AT_ONCE of them,
# by default as many as there are processors, run side by side. What is learnt stays in fuzz/corpus, what is found in
# fuzz/artifacts: it belongs in fuzz/seeds, where the tests read it, too.
# Needs the nightly toolchain, and cargo-fuzz: cargo install cargo-fuzz --locked
set -euo pipefail
cd "$(dirname "$0")/.."
export seconds=$1
shift
export CARGO_BUILD_JOBS="${CARGO_BUILD_JOBS:-2}"

# Its libraries are of the versions that the program has.
cp Cargo.lock fuzz/Cargo.lock
cargo +nightly fuzz build

# One target to its end, or to its first finding; what was found before and mended passes.
fuzz() {
    local target=$1 findings=0
    local corpus=fuzz/corpus/$target artifacts=fuzz/artifacts/$target log=fuzz/artifacts/$target.log
    mkdir -p "$corpus" "$artifacts"
    cargo +nightly fuzz run "$target" "$corpus" "fuzz/seeds/$target" "$artifacts" -- \
        -max_total_time="$seconds" -timeout=5 -rss_limit_mb=1024 -malloc_limit_mb=512 \
        -print_final_stats=1 >"$log" 2>&1 || findings=1
    read -r executions took < <(awk '/^stat::number_of_executed_units/ { n = $2 }
        /^Done .* in .* second/ { s = $(NF - 1) } END { print n + 0, s + 0 }' "$log")
    printf '%-16s %12s %8s %9s\n' "$target" "$executions" "$took" "$findings"
    [[ $findings -eq 0 ]] || { grep -o 'Test unit written to .*' "$log" || true; echo "see $log"; return 1; }
}
export -f fuzz

printf '%-16s %12s %8s %9s\n' target executions seconds findings
{ if [[ $# -gt 0 ]]; then printf '%s\n' "$@"; else cargo +nightly fuzz list; fi; } |
    xargs -P "${AT_ONCE:-$(nproc)}" -I{} bash -c 'fuzz "$1"' fuzz {}
