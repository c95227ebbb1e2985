#!/bin/sh
# Upgrades the data of an older PostgreSQL before the server starts; ends at once when there is nothing to upgrade.
# pg_upgrade copies the data into a folder beside, which takes the old one's place when it is whole: a pod killed half-way
# begins anew, and the old data stay as `cluster-<major>` until a person removes them. pg_upgrade, not a dump: the log's
# positions go on where they were, by which Debezium knows what it has read.
set -eu
root=/var/lib/postgresql/data
data=$root/cluster
secret=/etc/minishop/secret
programs=/usr/lib/postgresql

refuse() {
    echo "$*; nothing was changed. See docs/upgrading.md"
    exit 1
}

# A pod killed between the two renames at the end.
if [ ! -d "$data" ] && [ -d "$data.upgraded" ]; then
    mv "$data.upgraded" "$data"
fi
[ -d "$data" ] || exit 0

old=$(cat $data/PG_VERSION)
new=$(postgres --version | sed 's/^[^0-9]*\([0-9]*\).*/\1/')
[ "$old" != "$new" ] || exit 0
[ "$old" -lt "$new" ] || refuse "the data are of PostgreSQL $old, and this is PostgreSQL $new, which can't read them"
[ -x "$programs/$old/bin/postgres" ] || refuse "the data are of PostgreSQL $old, which this image has no programs of, so it can't upgrade them"
[ ! -e "$data-$old" ] || refuse "$data-$old is there from an upgrade before: move it away, then this one can be done"
rm -rf "$data.new" "$data.upgraded"
used=$(du -sk "$data" | cut -f1)
free=$(df -Pk "$root" | awk 'NR == 2 { print $4 }')
[ "$free" -gt "$((used + used / 10))" ] || refuse "PostgreSQL $old to $new needs $((used * 11 / 10 / 1024)) MiB on the volume, where $((free / 1024)) MiB are free"

user=$(cat $secret/username)
# Of the older server: what its replication slots ask for, or it does not start. Its settings are the shop's.
options='-c wal_level=logical -c max_replication_slots=128 -c max_wal_senders=128 -c jit=off'
private='-c listen_addresses= -c unix_socket_directories=/tmp'
log=$root/upgrade.log
failed() {
    tail -n 40 "$log" "$data.new"/pg_upgrade_output.d/*/*.log 2>/dev/null || true
    refuse "PostgreSQL $old to $new failed at: $1"
}
cd /tmp

echo "PostgreSQL $old to $new: $((used / 1024)) MiB"
state=$("$programs/$old/bin/pg_controldata" "$data" | sed -n 's/^Database cluster state: *//p')
if [ "$state" != "shut down" ]; then
    echo "PostgreSQL $old to $new: it was not stopped in order ($state): recovering"
    "$programs/$old/bin/pg_ctl" start -w -t 86400 -s -D "$data" -l "$log" -o "$options $private" \
        && "$programs/$old/bin/pg_ctl" stop -w -t 86400 -s -m fast -D "$data" || failed recovering
fi
echo "PostgreSQL $old to $new: making an empty database"
initdb --pgdata="$data.new" --username="$user" --pwfile=$secret/password --auth-local=trust --auth-host=scram-sha-256 \
    --encoding=UTF8 --locale=C.UTF-8 --data-checksums >"$log" 2>&1 || failed "making an empty database"
echo "PostgreSQL $old to $new: copying the data"
pg_upgrade --old-bindir="$programs/$old/bin" --new-bindir="$programs/$new/bin" --old-datadir="$data" \
    --new-datadir="$data.new" --username="$user" --socketdir=/tmp --old-options="$options" --new-options='-c jit=off' \
    >"$log" 2>&1 || failed "copying the data"
echo "PostgreSQL $old to $new: gathering the planner's statistics"
pg_ctl start -w -t 86400 -s -D "$data.new" -l "$log" -o "$private" || failed "starting PostgreSQL $new"
vacuumdb --all --analyze-only --quiet --host=/tmp --username="$user" >>"$log" 2>&1 || failed "gathering statistics"
if [ -f update_extensions.sql ]; then
    psql --quiet --host=/tmp --username="$user" --dbname=postgres --file=update_extensions.sql >>"$log" 2>&1 || failed "updating extensions"
fi
pg_ctl stop -w -t 86400 -s -m fast -D "$data.new" || failed "stopping PostgreSQL $new"

mv "$data.new" "$data.upgraded"
mv "$data" "$data-$old"
mv "$data.upgraded" "$data"
sync
rm -f "$log"
echo "PostgreSQL $old to $new: done; the old data are kept as $(basename "$data-$old")"
