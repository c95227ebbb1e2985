#!/bin/sh
# Starts a Kafka Connect worker.
set -eu
config=/etc/minishop/config
# shellcheck disable=SC2086 # options, one a word
exec java -cp '/opt/kafka/libs/*' -Dlog4j2.configurationFile=$config/log4j2.yaml $JAVA_OPTIONS \
    org.apache.kafka.connect.cli.ConnectDistributed $config/connect.properties
