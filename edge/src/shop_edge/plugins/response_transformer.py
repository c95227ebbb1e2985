"""`response-transformer`: headers of responses removed, replaced, added or appended.

Bodies are not changed here: settings for them are refused. Source: Kong, "Response Transformer".
"""

from typing import Any, ClassVar

from shop_edge.plugins.settings import HeaderLine, HeaderName, PluginSettings, header, literal

_ACTIONS = {
    "replace": "OVERWRITE_IF_EXISTS",
    "add": "ADD_IF_ABSENT",
    "append": "APPEND_IF_EXISTS_OR_ADD",
}


class Lines(PluginSettings):
    """Headers as `name:value`."""

    headers: tuple[HeaderLine, ...] = ()


class Names(PluginSettings):
    """Headers by their names."""

    headers: tuple[HeaderName, ...] = ()


class ResponseTransformer(PluginSettings):
    """They are done in Kong's order: remove, replace, add, append."""

    plugin: ClassVar[str] = "response-transformer"

    remove: Names = Names()
    replace: Lines = Lines()
    add: Lines = Lines()
    append: Lines = Lines()


def responses(settings: ResponseTransformer) -> list[dict[str, Any]]:
    """Return what is changed in responses."""
    found: list[dict[str, Any]] = [{"remove": name} for name in settings.remove.headers]
    for word, action in _ACTIONS.items():
        lines: Lines = getattr(settings, word)
        for line in lines.headers:
            name, _, value = line.partition(":")
            found.append(header(name, literal(value.strip()), action))
    return found
