#!/bin/sh
# Builds the Go programs of this folder's module to a folder, once a content.
# usage: fetch.sh DIRECTORY
set -eu
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../../../.venv/bin/shop-cluster" programs "$here" "$1"
