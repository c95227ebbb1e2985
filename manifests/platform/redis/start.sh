#!/bin/sh
# Starts Valkey. The password reaches it in a file in memory: on the command line every process list would show it.
set -eu
umask 077
{
    cat /etc/minishop/config/redis.conf
    printf 'requirepass %s\n' "$(cat /etc/minishop/secret/password)"
} >/run/redis/redis.conf
exec valkey-server /run/redis/redis.conf
