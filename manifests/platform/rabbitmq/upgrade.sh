#!/bin/sh
# Sets the data of an older RabbitMQ aside, before this one starts; ends at once when there are none. RabbitMQ 4 reads what
# 3.13 with all its feature flags has written, and nothing older. start.sh then loads the definitions that were exported.
set -eu
base=/var/lib/rabbitmq/mnesia
flags=$base/rabbit@localhost-feature_flags
kept=$base-before-4

[ -f "$flags" ] || exit 0
if grep -q message_containers "$flags"; then
    exit 0
fi
if [ -e "$kept" ]; then
    echo "the data are of a RabbitMQ before 3.13, and $kept is there from an upgrade before: move it away; nothing was changed."\
        "See docs/upgrading.md"
    exit 1
fi
mv "$base" "$kept"
sync
echo "RabbitMQ before 3.13 to 4: the old data are kept as $(basename $kept), the queues begin empty; their messages are in the"\
    "notification service's table, which queues them again"
