#!/bin/sh
# Starts Valkey. Its users are in a file beside the data, which the operator has it save; the administrator's line there is
# written anew at each start, with the password of the secret.
set -eu
umask 077
users=/data/users.acl
password=$(cat /etc/minishop/secret/password)
{
    printf 'user default on #%s ~* &* +@all\n' "$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)"
    [ ! -f "$users" ] || grep -v '^user default ' "$users" || true
} >"$users.new"
mv "$users.new" "$users"
exec valkey-server /etc/minishop/config/redis.conf --aclfile "$users"
