#!/bin/sh
# Starts MongoDB. It insists that nobody but its own user can read the key file, which a mounted secret can't promise.
set -eu
umask 077
# By force: a container that died leaves its copy, which nobody may write to.
cp -f /etc/minishop/secret/keyfile /run/mongodb/keyfile
exec mongod --config /etc/minishop/config/mongod.conf
