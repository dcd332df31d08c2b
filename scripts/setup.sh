#!/usr/bin/env bash
# Installs what is missing to build and test restain on Debian 12 (or a relative of it), as root or with sudo.
# Where everything is there already, it ends at once and needs no network. With the argument "peers", also what the
# benchmarks compare restain with.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    gcc g++ make cmake nasm   # libjpeg-turbo, built from source
    pkg-config libopenslide-dev clang libclang-dev   # OpenSlide and its bindings
    libvips-tools openslide-tools python3 python3-venv   # the readers that tests and demo check outputs with
    chromium fonts-dejavu-core   # the browser that tests look at pages with
)

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

install_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        say "this is no Debian; make sure that these are installed in your system's words: ${packages[*]}"
        return
    fi
    local installed missing=() package
    installed=" $(dpkg-query -W -f '${db:Status-Status} ${Package}\n' | awk '$1 == "installed" { printf "%s ", $2 }')"
    for package in "${packages[@]}"; do
        [[ $installed == *" $package "* ]] || missing+=("$package")
    done
    [[ ${#missing[@]} -gt 0 ]] || return 0
    local as_root=()
    if [[ $(id -u) -ne 0 ]]; then
        command -v sudo >/dev/null || fail "as root, run: apt-get install ${missing[*]}"
        as_root=(sudo)
    fi
    say "installing ${missing[*]}"
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# The requirements it was made from lie in the environment, last of all; so a broken one is never taken for whole.
make_venv() {
    local venv=target/$1 requirements=fixtures/python/$2.txt
    cmp -s "$requirements" "$venv/requirements.txt" && return
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "python3 is older than 3.11"
    say "making $venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    # pyvips has no ready-made wheel; it needs no compiler either, as it finds libvips at run time.
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-binary pyvips \
        --requirement "$requirements"
    cp "$requirements" "$venv/requirements.txt"
}

install_packages
command -v cargo >/dev/null || fail "cargo is missing; install Rust from https://rustup.rs"
make_venv venv requirements
# The engines that benchmarks compare with take gigabytes, so only those ask for them.
[[ ${1-} != peers ]] || make_venv peers peers
