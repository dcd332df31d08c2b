#!/bin/sh
# Runs every command of docs/train-your-own.md, in its order, in a folder of its own.
set -eu
root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:-$root/out/train-your-own}
rm -rf "$folder"
mkdir -p "$folder"
ln -s "$root/pipelines" "$folder/pipelines"
cd "$folder"
restain() {
    echo "restain $*"
    "$root/target/release/restain" "$@"
}
# The lines of the page that are set in, but for the words around them: what a reader would copy.
sed -n 's/^    //p' "$root/docs/train-your-own.md" >commands.sh
. ./commands.sh
