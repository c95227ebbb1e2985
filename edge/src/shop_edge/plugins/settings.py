"""What every plugin's settings have in common."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict

TYPE = "type.googleapis.com/envoy."


class PluginSettings(BaseModel):
    """The `config` of a plugin; a setting that is not done here is refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _matching(pattern: str, what: str) -> Callable[[str], str]:
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise ValueError(f"not {what}: {value!r}")
        return value

    return check


# RFC 9110, 5.1 and 5.6.2: a field name is a token. Envoy's formatters ask for `%%` in values.
HeaderName = Annotated[
    str, AfterValidator(_matching(r"[!#$&'*+.^_`|~0-9A-Za-z-]+", "a header's name"))
]
HeaderLine = Annotated[
    str,
    AfterValidator(_matching(r"[!#$&'*+.^_`|~0-9A-Za-z-]+:[^\r\n\x00]+", "a header as name:value")),
]


def literal(value: str) -> str:
    """Return a value in which Envoy looks for no command."""
    return value.replace("%", "%%")


def header(name: str, value: str, action: str) -> dict[str, Any]:
    """Return Envoy's mutation that sets a header."""
    return {
        "append": {"header": {"key": name, "value": value}, "append_action": action},
    }
