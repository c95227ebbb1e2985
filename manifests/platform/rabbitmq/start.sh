#!/bin/sh
# Starts RabbitMQ. The first start makes the administrator named in the secret.
set -eu
umask 077
{
    cat /etc/minishop/config/rabbitmq.conf
    printf 'default_user = %s\n' "$(cat /etc/minishop/secret/username)"
    printf 'default_pass = %s\n' "$(cat /etc/minishop/secret/password)"
} >/run/rabbitmq/rabbitmq.conf
exec rabbitmq-server
