#!/usr/bin/env bash
# Checks terms, sources and doubles of all crates that restain is built from, as deny.toml asks; see `make deny`. Builds cargo-deny
# into target/tools, where it is not there.
set -euo pipefail
cd "$(dirname "$0")/.."
version=0.20.2

if [[ "$(target/tools/bin/cargo-deny --version 2>/dev/null)" != "cargo-deny $version" ]]; then
    # Without optimization: it is built longer than it runs.
    cargo install --quiet --locked --debug --root target/tools --target-dir target/tools/build "cargo-deny@$version"
    rm -rf target/tools/build
fi
target/tools/bin/cargo-deny check licenses sources bans
