#!/bin/sh
# Fetches Zipkin's server to a folder: zipkin.jar.
# usage: fetch.sh DIRECTORY
set -eu
mvn --quiet --batch-mode --strict-checksums --file "$(dirname "$0")/pom.xml" dependency:copy \
    -DoutputDirectory="$1" -Dmdep.stripVersion=true -Dmdep.stripClassifier=true
mv "$1/zipkin-server.jar" "$1/zipkin.jar"
