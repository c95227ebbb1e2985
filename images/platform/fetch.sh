#!/bin/sh
# Fetches what the platform's controllers need, as uv.lock has it, and their source, to a folder.
# usage: fetch.sh DIRECTORY
set -eu
target=$1
root=$(cd "$(dirname "$0")/../.." && pwd)
uv=$("$root/bootstrap")

mkdir -p "$target"
"$uv" export --quiet --project "$root" --package minishop-cluster --no-emit-workspace --no-dev --frozen \
    --output-file "$target/requirements.txt" >/dev/null
"$uv" pip install --quiet --python-version 3.11 --require-hashes --no-deps --only-binary :all: \
    --compile-bytecode --target "$target/libraries" --requirements "$target/requirements.txt"
rm -rf "$target/shop_cluster"
cp -r "$root/cluster/src/shop_cluster" "$target/shop_cluster"
