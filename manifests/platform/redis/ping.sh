#!/bin/sh
# Succeeds when Redis answers commands: while it reads its files back it takes connections but answers LOADING.
set -eu
answer=$(REDISCLI_AUTH=$(cat /etc/minishop/secret/password) redis-cli -h 127.0.0.1 ping)
[ "$answer" = PONG ]
