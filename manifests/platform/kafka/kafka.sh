#!/bin/sh
# Starts the broker. The first start formats its log folder, under an identity of its own.
set -eu
config=/etc/minishop/config/server.properties
export CLASSPATH='/opt/kafka/libs/*'

if [ ! -f /var/lib/kafka/data/meta.properties ]; then
    cluster_id=$(tr -dc 'A-Za-z0-9' </dev/urandom | head -c 21)A
    java -XX:TieredStopAtLevel=1 kafka.tools.StorageTool format --cluster-id "$cluster_id" --config $config
fi
# shellcheck disable=SC2086 # options, one a word
exec java -Dlog4j2.configurationFile=/etc/minishop/config/log4j2.yaml $JAVA_OPTIONS kafka.Kafka $config
