#!/bin/sh
# Starts RabbitMQ. The first start makes the administrator named in the secret, or after an upgrade loads what `make up`
# exported from the version before: users, virtual hosts, queues and bindings.
set -eu
umask 077
definitions=/var/lib/rabbitmq/definitions.json
{
    cat /etc/minishop/config/rabbitmq.conf
    printf 'default_user = %s\n' "$(cat /etc/minishop/secret/username)"
    printf 'default_pass = %s\n' "$(cat /etc/minishop/secret/password)"
    if [ -f "$definitions" ] && [ ! -d /var/lib/rabbitmq/mnesia/rabbit@localhost ]; then
        printf 'load_definitions = %s\n' "$definitions"
    fi
} >/run/rabbitmq/rabbitmq.conf
# By its API the operator makes a user for each service.
echo '[rabbitmq_management].' >/run/rabbitmq/enabled_plugins
exec rabbitmq-server
