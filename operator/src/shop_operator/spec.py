"""The typed ShopService: the same shape as crds/shopservice.yaml, read-only.

The API server has validated and defaulted what is read here; the defaults are repeated so that
`render` can be used on a file too. A test holds both against each other.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field, ValidationError, field_validator

from shop_operator.pod_spec import MODEST, Autoscaling, EnvVar, Part, Probes, Resources, Template

Deletion = Literal["Retain", "Drop"]
ROTATE_ANNOTATION = "minishop.dev/rotate-requested-at"
"""On a ShopService: when somebody asked for new logins (RFC 3339)."""


class InvalidSpecError(ValueError):
    """A spec that the API server accepted and the operator can't read; a person must change it."""


class Key(NamedTuple):
    """Namespace and name of a ShopService."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def normalised(paths: Iterable[str]) -> tuple[str, ...]:
    """Return path prefixes without empty segments, each once: to match, `/a//b/` is `/a/b`."""
    return tuple(dict.fromkeys("/" + "/".join(filter(None, p.split("/"))) for p in paths))


class Database(Part):
    """The service's own database."""

    kind: Literal["postgres", "mongodb"]
    name: str
    migrate: bool = True
    on_delete: Deletion = "Retain"


class Topic(Part):
    """A topic that the service owns."""

    topic: str
    partitions: int = 3
    replicas: int = 1
    config: dict[str, str] = Field(default_factory=dict)
    on_delete: Deletion = "Retain"


class Subscription(Part):
    """A topic that the service consumes, and its consumer group."""

    topic: str
    group: str
    on_delete: Deletion = "Retain"
    """What becomes of the group's dead letters."""


class Outbox(Part):
    """The table or collection that the service writes its events to."""

    table: str | None = None


class Events(Part):
    """Events out and in."""

    publishes: tuple[Topic, ...] = ()
    subscribes: tuple[Subscription, ...] = ()
    outbox: Outbox | None = None


class SecretFile(Part):
    """A file under /vault/secrets."""

    name: str
    path: str
    key: str | None = None
    template: str | None = None


class Secrets(Part):
    """Secrets mounted as files, and their provider."""

    provider: Literal["vault", "kubernetes"] = "kubernetes"
    role: str | None = None
    files: tuple[SecretFile, ...] = ()

    @property
    def keeps_vault(self) -> bool:
        """True if the operator keeps the service's policy, role and logins in Vault."""
        return self.provider == "vault" and self.role is None


class Cache(Part):
    """Redis, with keys of the service's own."""

    kind: Literal["redis"]
    reads: tuple[str, ...] = ()
    """Patterns of other services' keys that it may read."""


class Plugin(Part):
    """A Kong plugin."""

    name: str
    config: dict[str, Any] = Field(default_factory=dict)


class Route(Part):
    """Paths that reach the service from outside."""

    paths: tuple[str, ...]
    host: str | None = None
    via: Literal["edge", "gateway"] = "edge"
    plugins: tuple[Plugin, ...] = ()

    @field_validator("paths")
    @classmethod
    def _normalised(cls, paths: tuple[str, ...]) -> tuple[str, ...]:
        return normalised(paths)


class RouteTable(Part):
    """Where the table of routes is mounted, and where a pod says which of it is in force."""

    mount_path: str = "/etc/minishop/routes"
    status_path: str | None = None


class Metrics(Part):
    """Where metrics are, and how often they are read."""

    path: str = "/metrics"
    interval: str = "15s"


class Slo(Part):
    """Objectives; availability is a percentage."""

    availability: str | None = None
    latency_p99_ms: int | None = Field(default=None, alias="latencyP99Ms")


class Alert(Part):
    """An alert of the service's own; `expr` is PromQL, `hold` a duration such as 10m."""

    name: str
    expr: str
    summary: str
    hold: str = Field(default="0s", alias="for")
    severity: Literal["page", "ticket"] = "ticket"


class DisruptionBudget(Part):
    """A count or a percentage of pods."""

    max_unavailable: int | str = 1


class Network(Part):
    """Allowed network peers."""

    ingress_from: tuple[str, ...] = ()
    egress_to: tuple[str, ...] = ()
    egress_cidrs: tuple[str, ...] = ()


class Spec(Part):
    """What the service is."""

    image: str
    port: int = 8000
    replicas: int = 1
    autoscaling: Autoscaling | None = None
    env: tuple[EnvVar, ...] = ()
    resources: Resources = MODEST
    template: Template = Template()
    probes: Probes = Probes()
    database: Database | None = None
    cache: Cache | None = None
    queue: dict[str, str] | None = None
    events: Events = Events()
    secrets: Secrets = Secrets()
    route: Route | None = None
    route_table: RouteTable | None = None
    metrics: Metrics = Metrics()
    slo: Slo | None = None
    alerts: tuple[Alert, ...] = ()
    progress_deadline_seconds: int = 180
    disruption_budget: DisruptionBudget = DisruptionBudget()
    network: Network = Network()
    management_policy: Literal["Enforce", "Observe", "Paused"] = "Enforce"

    @property
    def outbox_table(self) -> str | None:
        """`schema.table` in PostgreSQL, a collection's name in MongoDB; None without an outbox."""
        if self.events.outbox is None or self.database is None:
            return None
        if self.database.kind == "mongodb":
            return self.events.outbox.table or "outbox"
        table = self.events.outbox.table or "public.outbox"
        return table if "." in table else f"public.{table}"


class ShopService(Part):
    """A ShopService as read from the cluster or a file."""

    namespace: str
    name: str
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    created: str = ""
    """Creation time (RFC 3339, UTC); empty for a ShopService from a file."""
    deleting: bool = False
    rotation_requested: str = ""
    """When new logins were asked for, as the annotation says; empty if never."""
    finalizers: tuple[str, ...] = ()
    spec: Spec
    status: dict[str, Any] = Field(default_factory=dict)

    @property
    def key(self) -> Key:
        """Its namespace and name."""
        return Key(self.namespace, self.name)

    @property
    def has_access_secret(self) -> bool:
        """True if it has a Secret with addresses and passwords of stores."""
        return bool(self.spec.database or self.spec.cache or self.spec.queue)


def parse(body: Mapping[str, Any]) -> ShopService:
    """Read a ShopService.

    Raises InvalidSpecError, naming the field.
    """
    meta = body["metadata"]
    try:
        return ShopService(
            namespace=meta.get("namespace", "default"),
            name=meta["name"],
            uid=meta.get("uid", ""),
            resource_version=meta.get("resourceVersion", ""),
            generation=meta.get("generation", 0),
            created=meta.get("creationTimestamp") or "",
            deleting="deletionTimestamp" in meta,
            rotation_requested=(meta.get("annotations") or {}).get(ROTATE_ANNOTATION, ""),
            finalizers=tuple(meta.get("finalizers", ())),
            spec=Spec.model_validate(body.get("spec", {})),
            status=body.get("status") or {},
        )
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise InvalidSpecError(f"spec.{field}: {first['msg']}") from error


def parse_or_unread(body: Mapping[str, Any]) -> ShopService:
    """Read a ShopService, as `parse_unread` does if its spec can't be read."""
    try:
        return parse(body)
    except InvalidSpecError:
        return parse_unread(body)


def parse_unread(body: Mapping[str, Any]) -> ShopService:
    """Read a ShopService whose spec can't be read: nothing is declared, only its policy is kept.

    A policy that is not known is taken for Paused.
    """
    spec = body.get("spec")
    policy = spec.get("managementPolicy", "Enforce") if isinstance(spec, Mapping) else "Enforce"
    known = policy in {"Enforce", "Observe", "Paused"}
    stub = {"image": "unread", "managementPolicy": policy if known else "Paused"}
    return parse({**body, "spec": stub})
