#!/bin/sh
# Succeeds when Valkey answers commands: while it reads its files back it takes connections but answers LOADING.
set -eu
answer=$(REDISCLI_AUTH=$(cat /etc/minishop/secret/password) valkey-cli -h 127.0.0.1 ping)
[ "$answer" = PONG ]
