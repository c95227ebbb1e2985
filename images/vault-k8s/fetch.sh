#!/bin/sh
# Builds the injector, at the versions that go.mod and go.sum lock, to a folder.
# usage: fetch.sh DIRECTORY
set -eu

here=$(cd "$(dirname "$0")" && pwd)

"$here/../../.venv/bin/shop-cluster" programs "$here" "$1"
