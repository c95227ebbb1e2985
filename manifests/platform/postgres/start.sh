#!/bin/sh
# Starts PostgreSQL. The first start makes the database cluster in a folder beside and renames it when it is whole, so
# that a pod killed half-way begins anew.
set -eu
data=/var/lib/postgresql/data/cluster
config=/etc/minishop/config
secret=/etc/minishop/secret

if [ ! -d "$data" ]; then
    rm -rf "$data.new"
    initdb --pgdata="$data.new" --username="$(cat $secret/username)" --pwfile=$secret/password \
        --auth-local=trust --auth-host=scram-sha-256 --encoding=UTF8 --locale=C.UTF-8 --data-checksums
    mv "$data.new" "$data"
fi
exec postgres -D "$data" -c config_file=$config/postgresql.conf -c hba_file=$config/pg_hba.conf
