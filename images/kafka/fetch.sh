#!/bin/sh
# Fetches Kafka, Connect and the connectors named in pom.xml to a folder: libs/ and plugins/<name>/.
# usage: fetch.sh DIRECTORY
set -eu
target=$1
here=$(dirname "$0")

copy() { # profile, folder
    mvn --quiet --batch-mode --file "$here/pom.xml" --activate-profiles "$1" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$target/$2"
}

copy server libs
for plugin in debezium-postgres debezium-mongodb kubernetes-secrets; do
    copy "$plugin" "plugins/$plugin"
done
python3 "$here/patch_debezium.py" "$target"/plugins/debezium-*/debezium-core-*.jar
