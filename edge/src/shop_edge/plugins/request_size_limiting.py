"""`request-size-limiting`: a request whose body is larger is answered 413."""

from typing import Any, ClassVar, Literal

from pydantic import Field, model_validator

from shop_edge.plugins.settings import TYPE, PluginSettings

FILTER = "envoy.filters.http.buffer"
CONFIG = f"{TYPE}extensions.filters.http.buffer.v3.Buffer"
_PER_ROUTE = f"{TYPE}extensions.filters.http.buffer.v3.BufferPerRoute"
_BYTES = {"bytes": 1, "kilobytes": 1024, "megabytes": 1024**2}
_LARGEST = 2**32 - 1


class RequestSizeLimiting(PluginSettings):
    """A body is read whole before it is passed on, as Kong does with its default buffering."""

    plugin: ClassVar[str] = "request-size-limiting"

    allowed_payload_size: int = Field(default=128, ge=1)
    size_unit: Literal["bytes", "kilobytes", "megabytes"] = "megabytes"
    require_content_length: Literal[False] = False

    @model_validator(mode="after")
    def _fits(self) -> "RequestSizeLimiting":
        if self.bytes > _LARGEST:
            raise ValueError(f"allowed_payload_size: at most {_LARGEST} bytes")
        return self

    @property
    def bytes(self) -> int:
        """The largest body."""
        return self.allowed_payload_size * _BYTES[self.size_unit]


def filters(settings: RequestSizeLimiting) -> dict[str, Any]:
    """Return the route's configuration by Envoy's filters."""
    return {
        FILTER: {"@type": _PER_ROUTE, "buffer": {"max_request_bytes": settings.bytes}},
    }
