#!/usr/bin/env bash
# Runs a command in which OpenSlide 4.x stands in for the system's 3.4.1:  scripts/with-openslide-4.sh cargo test
#
# The openslide-bin package of the tests' Python environment carries a self-contained libopenslide.so.1. Programs
# linked against 3.4.1 ask for libopenslide.so.0; of what restain calls, both have the same functions.
set -euo pipefail
cd "$(dirname "$0")/.."

libraries=(target/venv/lib/python3*/site-packages/openslide_bin/libopenslide.so.1)
[[ -f ${libraries[0]} ]] || { echo "there is no OpenSlide 4 in target/venv; run make setup" >&2; exit 1; }
folder=$PWD/target/openslide-4
mkdir -p "$folder"
ln -sf "$PWD/${libraries[0]}" "$folder/libopenslide.so.0"
export LD_LIBRARY_PATH=$folder${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

version=$(python3 - <<'PYTHON'
import ctypes
library = ctypes.CDLL("libopenslide.so.0")
library.openslide_get_version.restype = ctypes.c_char_p
print(library.openslide_get_version().decode())
PYTHON
)
[[ $version == 4.* ]] || { echo "OpenSlide 4 was not loaded, but $version" >&2; exit 1; }
echo "with OpenSlide $version" >&2
"$@"
