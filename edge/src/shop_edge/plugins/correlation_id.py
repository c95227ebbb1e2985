"""`correlation-id`: each request has an id in a header, its own or a new UUID."""

from typing import Any, ClassVar, Literal

from shop_edge.plugins.settings import HeaderName, PluginSettings, header


class CorrelationId(PluginSettings):
    """Kong's generators `uuid#counter` and `tracker` make other ids, as unique: here UUIDs."""

    plugin: ClassVar[str] = "correlation-id"

    header_name: HeaderName = "Kong-Request-ID"
    generator: Literal["uuid", "uuid#counter", "tracker"] = "uuid#counter"
    echo_downstream: bool = False


def requests(settings: CorrelationId) -> list[dict[str, Any]]:
    """Return what is changed in requests."""
    return [header(settings.header_name, "%UNIQUE_ID%", "ADD_IF_ABSENT")]


def responses(settings: CorrelationId) -> list[dict[str, Any]]:
    """Return what is changed in responses."""
    if not settings.echo_downstream:
        return []
    said = f"%REQ({settings.header_name})%"
    return [header(settings.header_name, said, "OVERWRITE_IF_EXISTS_OR_ADD")]
