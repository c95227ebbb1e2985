"""The running servers as tests see them.

This module imports no client library: pytest loads it in every run.
"""

import secrets
from dataclasses import dataclass

SERVERS = frozenset({"postgres", "mongodb", "redis", "rabbitmq", "kafka", "connect"})


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """PostgreSQL; the URL is the superuser's (`postgresql://…/postgres`)."""

    url: str


@dataclass(frozen=True, kw_only=True)
class MongoDB:
    """MongoDB, a replica set of one; the URL is the administrator's."""

    url: str
    server: str
    """host:port"""


@dataclass(frozen=True, kw_only=True)
class Redis:
    """Redis; the URL names no database."""

    url: str


@dataclass(frozen=True, kw_only=True)
class RabbitMQ:
    """RabbitMQ; the URL names no virtual host; the management API's user is guest, like AMQP's."""

    url: str
    management_url: str


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """One Kafka broker, which creates topics (3 partitions) when they are first used."""

    bootstrap_servers: str

    def name(self, prefix: str = "test") -> str:
        """A topic or group name nobody else has."""
        return f"{prefix}-{secrets.token_hex(6)}"


@dataclass(frozen=True, kw_only=True)
class Connect:
    """Kafka Connect with Debezium for PostgreSQL and MongoDB; the URL is its REST API's."""

    url: str
    bootstrap_servers: str
    """Of its Kafka."""


@dataclass(frozen=True, kw_only=True)
class OpenBao:
    """OpenBao, unsealed; the token is root's."""

    url: str
    ca: str
    """The file with the certificate that signs the server's."""
    token: str
    audit: str
    """The file in which the server logs each request."""


@dataclass(frozen=True, kw_only=True)
class BaoNamespace:
    """A namespace in OpenBao of one test: policies, logins and mounts of its own."""

    server: OpenBao
    name: str


@dataclass(frozen=True, kw_only=True)
class Database:
    """A database of one test."""

    name: str
    url: str
    """Of the owner, who may do everything in it and nothing elsewhere."""
    admin_url: str
    """Of the server's administrator, in this database."""
