"""Settings of the operator; the defaults fit both clusters (embedded and kind)."""

from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

WRONG_SETTINGS = (ValidationError, SettingsError)
"""What making Settings raises: a value of another type, or what should be JSON and is not."""


class Settings(BaseSettings):
    """The operator's settings, from the environment: `MINISHOP_<NAME>`; lists and maps as JSON."""

    model_config = SettingsConfigDict(env_prefix="MINISHOP_", frozen=True, extra="ignore")

    namespaces: tuple[str, ...] = Field(
        default=("shop",), description="Namespaces whose ShopServices are kept, whatever labels."
    )
    namespace_labels: dict[str, str] = Field(
        default={"minishop.dev/managed": "true"},
        description="Labels of further such namespaces, found while it runs; {} for none.",
    )
    operator_namespace: str = Field(
        default="minishop-system", description="Namespace of the operator and its Lease."
    )
    platform_namespace: str = Field(
        default="platform", description="Namespace of the stores and their Secrets."
    )
    kafka_namespace: str = Field(
        default="platform", description="Namespace of KafkaTopics and KafkaConnectors."
    )
    kafka_cluster: str = Field(default="minishop", description="Name of Strimzi's Kafka.")
    kafka_connect: str = Field(default="minishop", description="Name of Strimzi's KafkaConnect.")
    kafka_bootstrap: str = Field(
        default="minishop-kafka-bootstrap.platform.svc.cluster.local:9092",
        description="Where services reach Kafka.",
    )
    postgres_host: str = Field(
        default="postgres.platform.svc.cluster.local", description="PostgreSQL, as pods reach it."
    )
    postgres_port: int = Field(default=5432, description="PostgreSQL's port, as pods reach it.")
    postgres_address: str = Field(
        default="", description="host:port by which the operator itself reaches PostgreSQL."
    )
    postgres_admin_secret: str = Field(
        default="postgres-admin", description="Secret of an administrator: username, password."
    )
    mongodb_host: str = Field(
        default="mongodb.platform.svc.cluster.local", description="MongoDB, as pods reach it."
    )
    mongodb_port: int = Field(default=27017, description="MongoDB's port, as pods reach it.")
    mongodb_address: str = Field(
        default="", description="host:port by which the operator itself reaches MongoDB."
    )
    mongodb_replica_set: str = Field(default="rs0", description="MongoDB's replica set.")
    mongodb_admin_secret: str = Field(
        default="mongodb-admin", description="Secret of an administrator: username, password."
    )
    redis_address: str = Field(
        default="redis.platform.svc.cluster.local:6379", description="Redis, as pods reach it."
    )
    redis_admin_address: str = Field(
        default="", description="host:port by which the operator itself reaches Redis."
    )
    redis_secret: str = Field(
        default="redis-auth", description="Secret of an administrator: username, password."
    )
    rabbitmq_address: str = Field(
        default="rabbitmq.platform.svc.cluster.local:5672",
        description="RabbitMQ, as pods reach it.",
    )
    rabbitmq_management_url: str = Field(
        default="http://rabbitmq.platform.svc.cluster.local:15672",
        description="RabbitMQ's management API, by which the operator makes users.",
    )
    rabbitmq_secret: str = Field(
        default="rabbitmq-auth", description="Secret of an administrator: username, password."
    )
    vault_address: str = Field(
        default="", description="URL of Vault or OpenBao; empty where there is none."
    )
    vault_namespace: str = Field(
        default="", description="Vault's own namespace (OpenBao, HCP), not Kubernetes'."
    )
    vault_ca_file: str = Field(
        default="", description="File with the CA of Vault's certificate; empty for public ones."
    )
    vault_role: str = Field(
        default="minishop-operator", description="Role that the operator logs in to Vault as."
    )
    vault_token_file: str = Field(
        default="/var/run/secrets/kubernetes.io/serviceaccount/token",
        description="File with the ServiceAccount's token that it logs in with.",
    )
    vault_auth_path: str = Field(
        default="kubernetes", description="Path of Vault's auth method for Kubernetes."
    )
    vault_kv_mount: str = Field(
        default="secret", description="Path of Vault's key/value engine, version 2."
    )
    vault_database_mount: str = Field(
        default="database", description="Path of Vault's database engine."
    )
    vault_pods: str = Field(
        default="platform",
        description="Namespace of the pods that serve Vault; empty if it is outside the cluster.",
    )
    otlp_endpoint: str = Field(
        default="", description="Where pods send telemetry; none when empty."
    )
    otlp_ports: tuple[int, ...] = Field(
        default=(4317, 4318), description="Ports that pods may send telemetry to."
    )
    log_store_url: str = Field(
        default="http://opensearch.monitoring.svc.cluster.local:9200",
        description="OpenSearch, from which `kubectl shop trace --logs` reads.",
    )
    edge: Literal["none", "gateway-api", "ingress"] = Field(
        default="none", description="How routes reach the edge; none when a NodePort is the entry."
    )
    gateway_name: str = Field(default="kong", description="Gateway that HTTPRoutes attach to.")
    gateway_namespace: str = Field(default="kong", description="That Gateway's namespace.")
    ingress_class: str = Field(default="kong", description="Ingress class.")
    route_host: str = Field(default="shop.localhost", description="Host of routes that name none.")
    route_scheme: Literal["http", "https"] = Field(
        default="http", description="Scheme of the URLs shown."
    )
    route_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="Port of the URLs shown of routes by the edge; the scheme's own when absent.",
    )
    route_table: str = Field(
        default="shop-routes", description="ConfigMap with the routes that go via the gateway."
    )
    edge_namespaces: tuple[str, ...] = Field(
        default=("kong",), description="Namespaces whose pods may reach routed services."
    )
    gateway_pod_labels: dict[str, str] = Field(
        default={"minishop.dev/route-table": "true"},
        description="Pods that may reach services routed via the gateway.",
    )
    monitoring_namespace: str = Field(
        default="monitoring", description="Namespace whose Prometheus may scrape."
    )
    monitor_labels: dict[str, str] = Field(
        default={"release": "prometheus"},
        description="Labels that the Prometheus selects ServiceMonitors and rules by.",
    )
    scope: Literal["cluster", "namespace"] = Field(
        default="cluster",
        description=(
            "Whether names in the stores and in Kafka are as declared, so that one namespace has "
            "each, or carry the namespace as a prefix."
        ),
    )
    cluster_scoped_namespaces: tuple[str, ...] = Field(
        default=(), description="Namespaces whose names stay as declared where scope is namespace."
    )
    redis_databases: dict[str, int] = Field(
        default={},
        description=(
            "Number of a namespace's own database in Redis; needed where names carry the namespace."
        ),
    )
    rabbitmq_vhosts: dict[str, str] = Field(
        default={},
        description=(
            "A namespace's own virtual host in RabbitMQ; needed where names carry the namespace."
        ),
    )
    workers: int = Field(default=8, ge=1, le=64, description="ShopServices reconciled at once.")
    resync_seconds: float = Field(
        default=60, gt=0, description="Time after which all is listed again."
    )
    lease_name: str = Field(default="shop-operator", description="Name of the Lease.")
    lease_seconds: float = Field(
        default=10, ge=2, description="How long a silent holder keeps the Lease."
    )
    webhook_port: int = Field(
        default=0, ge=0, le=65535, description="Port of the admission webhook; 0 serves none."
    )
    webhook_hosts: tuple[str, ...] = Field(
        default=("shop-operator-webhook.minishop-system.svc",),
        min_length=1,
        description="Names by which the API server calls the webhook.",
    )
    http_port: int = Field(default=8080, description="Port of /livez, /readyz and /metrics.")
    liveness_port: int = Field(
        default=0, ge=0, le=65535, description="Further port of /livez; 0 for none."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="What is logged."
    )

    def is_scoped(self, namespace: str) -> bool:
        """Return True if names outside a namespace carry it as a prefix."""
        return self.scope == "namespace" and namespace not in self.cluster_scoped_namespaces


def what_is_wrong(error: ValidationError | SettingsError) -> str:
    """Return a line that names the environment variable and what is wrong with it."""
    if isinstance(error, SettingsError):
        name = str(error).split('"')[1]
        return f"MINISHOP_{name.upper()}: lists and maps are written as JSON ({error.__cause__})"
    first = error.errors()[0]
    name = "_".join(str(part) for part in first["loc"])
    return f"MINISHOP_{name.upper()}: {first['msg']}"
