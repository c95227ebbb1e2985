#!/bin/sh
# Fetches Kafka, Connect and the connectors named in pom.xml to a folder: libs/ and plugins/<name>/.
# usage: fetch.sh DIRECTORY
set -eu
target=$1
pom=$(dirname "$0")/pom.xml

copy() { # profile, folder
    mvn --quiet --batch-mode --file "$pom" --activate-profiles "$1" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$target/$2"
}

copy server libs
for plugin in debezium-postgres debezium-mongodb kubernetes-secrets; do
    copy "$plugin" "plugins/$plugin"
done
