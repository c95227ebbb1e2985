"""The entities of a declarative configuration that are understood here.

A field that is not named here is refused: to leave out what was asked for would be worse.
Source: Kong Gateway 3.9, Admin API, "Service", "Route", "Plugin", "Upstream", "Certificate".
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shop_edge.errors import EntityError, InvalidConfigError

Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"]


class Entity(BaseModel):
    """What every entity has."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = ""
    tags: tuple[str, ...] = ()
    created_at: int = 0
    updated_at: int = 0


class Plugin(Entity):
    """A plugin, of a route, of a service, or of all where it names neither."""

    name: str
    instance_name: str = ""
    config: dict[str, Any] = Field(default_factory=dict)
    enabled: bool = True
    route: str = ""
    service: str = ""
    protocols: tuple[str, ...] = ()


class Route(Entity):
    """Which requests go to a service. `paths` that begin with `~` are regular expressions."""

    name: str
    service: str = ""
    hosts: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    methods: tuple[Method, ...] = ()
    headers: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    protocols: tuple[Literal["http", "https"], ...] = ("http", "https")
    https_redirect_status_code: Literal[301, 302, 307, 308, 426] = 426
    strip_path: bool = True
    preserve_host: bool = False
    regex_priority: int = 0
    path_handling: Literal["v0"] = "v0"
    request_buffering: bool = True
    response_buffering: bool = True
    plugins: tuple[Plugin, ...] = ()


class Service(Entity):
    """Where requests go: `host` is an upstream's or a DNS name; times are in milliseconds."""

    name: str
    host: str
    port: int = Field(default=80, ge=1, le=65535)
    protocol: Literal["http"] = "http"
    path: Literal["", "/"] = ""
    retries: int = Field(default=5, ge=0, le=32767)
    connect_timeout: int = Field(default=60000, ge=1)
    read_timeout: int = Field(default=60000, ge=1)
    write_timeout: int = Field(default=60000, ge=1)
    enabled: bool = True
    routes: tuple[Route, ...] = ()
    plugins: tuple[Plugin, ...] = ()


class Target(Entity):
    """An address, `host:port`, that takes `weight` of an upstream's requests."""

    target: str
    weight: int = Field(default=100, ge=0, le=65535)
    upstream: str = ""


class Upstream(Entity):
    """The addresses behind a name."""

    name: str
    algorithm: Literal["round-robin", "least-connections"] = "round-robin"
    slots: int = 10000
    hash_on: Literal["none"] = "none"
    hash_fallback: Literal["none"] = "none"
    hash_on_cookie_path: str = "/"
    healthchecks: dict[str, Any] = Field(default_factory=dict)
    use_srv_name: Literal[False] = False
    targets: tuple[Target, ...] = ()


class Sni(Entity):
    """A server name that a certificate is for; which is said once more, by its id."""

    name: str
    certificate: dict[str, str] = Field(default_factory=dict)


class Certificate(Entity):
    """A certificate with its private key, both PEM."""

    cert: str
    key: str
    snis: tuple[Sni, ...] = ()


class Declared(BaseModel):
    """A declarative configuration."""

    model_config = ConfigDict(frozen=True)

    services: tuple[Service, ...] = ()
    plugins: tuple[Plugin, ...] = ()
    upstreams: tuple[Upstream, ...] = ()
    certificates: tuple[Certificate, ...] = ()

    def plugins_of(self, service: Service, route: Route) -> dict[str, Plugin]:
        """Return the enabled plugins by name: a route's own before a service's, before all's."""
        named = [*self.plugins, *service.plugins, *route.plugins]
        found: dict[str, tuple[int, Plugin]] = {}
        nested = {id(each): 1 for each in service.plugins} | {id(each): 2 for each in route.plugins}
        for each in named:
            rank = nested.get(id(each), 2 if each.route else 1 if each.service else 0)
            mine = each.route in {"", route.name} and each.service in {"", service.name}
            if each.enabled and mine and rank >= found.get(each.name, (0, each))[0]:
                found[each.name] = (rank, each)
        return {name: each for name, (_, each) in found.items()}


_LISTS: Mapping[str, type[Entity]] = {
    "services": Service,
    "plugins": Plugin,
    "upstreams": Upstream,
    "certificates": Certificate,
}
_ABOUT = {"_format_version", "_transform", "_comment", "_info"}


def parse(document: Mapping[str, Any]) -> Declared:
    """Return what a document declares.

    Raises:
        InvalidConfigError: an entity, or a field of one, is not understood here.

    """
    errors: list[EntityError] = []
    found: dict[str, list[Entity]] = {}
    for key, value in document.items():
        if key in _ABOUT or not value:
            continue
        if key not in _LISTS or not isinstance(value, list):
            errors += _not_understood(key, value)
            continue
        for raw in value:
            try:
                found.setdefault(key, []).append(_LISTS[key].model_validate(without_nulls(raw)))
            except ValidationError as error:
                errors += entity_errors(error, type_=key.removesuffix("s"), raw=raw)
    if errors:
        raise InvalidConfigError(errors)
    return Declared.model_validate(found)


def without_nulls(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """Return a document without the fields that are null, which for Kong are unset."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [without_nulls(each) for each in value]
    return value


def entity_errors(
    error: ValidationError, *, type_: str, raw: object, prefix: str = ""
) -> Iterator[EntityError]:
    """Yield what pydantic found wrong with an entity as it was sent."""
    for each in error.errors():
        owner, kind, place = _innermost(raw, type_, each["loc"])
        forbidden = each["type"] == "extra_forbidden"
        yield EntityError(
            type=kind,
            name=_name(owner),
            tags=owner.get("tags") or () if isinstance(owner, dict) else (),
            field=prefix + ".".join(place),
            message="unknown field" if forbidden else each["msg"],
        )


def _innermost(
    raw: Any,  # noqa: ANN401 - JSON that is not checked yet
    type_: str,
    place: Sequence[int | str],
) -> tuple[object, str, tuple[str, ...]]:
    """Return the entity that a place is in, its type, and the rest of the place."""
    owner, kind, rest = raw, type_, tuple(place)
    while len(rest) > 1 and rest[0] in {"routes", "plugins", "targets"}:
        name, index = rest[0], rest[1]
        if not isinstance(index, int):
            break
        owner, kind, rest = owner[name][index], str(name).removesuffix("s"), rest[2:]
    return owner, kind, tuple(map(str, rest))


def _not_understood(key: str, value: object) -> Iterator[EntityError]:
    entities = value if isinstance(value, list) else [value]
    for each in entities:
        yield EntityError(
            type=key.removesuffix("s"),
            name=_name(each),
            tags=each.get("tags") or () if isinstance(each, dict) else (),
            field=key,
            message=f"kong-standin does not do {key}",
        )


def _name(raw: object) -> str:
    if not isinstance(raw, dict):
        return ""
    return str(raw.get("name") or raw.get("id") or raw.get("target") or "")
