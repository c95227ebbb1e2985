#!/bin/sh
# Builds the page from its sources and the npm packages that package-lock.json pins, to a folder: site/.
# usage: fetch.sh DIRECTORY
set -eu
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -r "$here/src" "$here/index.html" "$here/package.json" "$here/package-lock.json" "$here/rspack.config.mjs" "$here/tsconfig.json" "$work"
cd "$work"
npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
npx --no-install tsc --noEmit
npx --no-install rspack build
mkdir -p "$1"
mv dist "$1/site"
