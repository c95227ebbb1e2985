"""Checks that a picture is an SVG document that can be shown and does nothing else.

It is parsed as XML, with entities off (defusedxml). Refused is whatever runs, or loads something
from elsewhere, when the document is opened by itself (SVG 2, 16 and 17; HTML, 8.1): scripts, event
handlers, foreign content, links and style sheets that lead out of the document, and animations of
links.
"""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import XMLParser

SVG = "http://www.w3.org/2000/svg"
XHTML = "http://www.w3.org/1999/xhtml"
"""HTML within a picture is HTML to a browser: `<meta http-equiv="refresh">` leads elsewhere."""
_NAMESPACES = {"", SVG}
_ACTIVE = {
    "script",
    "handler",
    "listener",
    "foreignobject",
    "iframe",
    "embed",
    "object",
    "audio",
    "video",
}
_ANIMATIONS = {"animate", "set", "animatemotion", "animatetransform", "animatecolor"}
_PICTURE = re.compile(r"data:image/(png|jpeg|gif|webp);base64,", re.IGNORECASE)
_LEADS_OUT = re.compile(
    r"""
    @import | javascript: | expression[ ]*\( | -moz-binding | behavior[ ]*: | (image-set|src)[ ]*\(
    | url\([ ]*["']?[ ]*(?![ "'#] | data:image/(?:png|jpeg|gif|webp);)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_SPACE = re.compile(r"[\x00-\x20]+")
_CSS_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})[ \t\r\n\f]?|\\(.)", re.DOTALL)
_CSS_COMMENT = re.compile(r"/\*.*?(\*/|$)", re.DOTALL)


def check_svg(text: str) -> str:
    """Return the text. Raises ValueError, saying what is wrong, where it is no harmless SVG."""
    try:
        parser = XMLParser(target=_Checker(), forbid_dtd=False, forbid_entities=True)
        # A text has no encoding any more; a declaration of another one would mislead a browser.
        parser.feed(text.lstrip("\ufeff \t\r\n").encode("utf-8"))
        parser.close()
    except DefusedXmlException as error:
        raise ValueError("an SVG picture must not declare entities") from error
    except (ParseError, LookupError, UnicodeError) as error:
        raise ValueError(f"not XML: {error}") from error
    return text


class _Checker:
    """The parser's target: looks at each part of the document, and builds nothing."""

    def __init__(self) -> None:
        self._depth = 0
        self._style = 0
        self._css: list[str] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        namespace, name = _split(tag)
        if self._depth == 0 and (name != "svg" or namespace not in _NAMESPACES):
            raise ValueError("the root element is not <svg>")
        self._depth += 1
        if name.lower() in _ACTIVE or namespace == XHTML:
            raise ValueError(f"<{name}> is active content")
        if name == "style":
            self._style += 1
        for key, value in attributes.items():
            _check_attribute(name.lower(), _split(key)[1].lower(), value)

    def data(self, data: str) -> None:
        if self._style:
            self._css.append(data)

    def end(self, tag: str) -> None:
        self._depth -= 1
        if _split(tag)[1] == "style":
            self._style -= 1
            _check_css("".join(self._css))

    def pi(self, target: str, _data: str | None = None) -> None:
        raise ValueError(f"the processing instruction {target} is not allowed")

    def close(self) -> None:
        """End of the document."""


def _check_attribute(element: str, name: str, value: str) -> None:
    if name.startswith("on"):
        raise ValueError(f"the event handler {name} is active content")
    if element in _ANIMATIONS and name == "attributename":
        animated = value.strip().lower().rpartition(":")[2]
        if animated == "href" or animated.startswith("on"):
            raise ValueError(f"<{element}> must not animate {animated}")
    if name in {"href", "src", "base"}:
        reference = _SPACE.sub("", value)
        inside = reference.startswith("#") or not reference
        if not inside and not (element in {"image", "feimage"} and _PICTURE.match(reference)):
            raise ValueError(f"{name} leads out of the document")
    _check_css(value)


def _check_css(text: str) -> None:
    # With its comments too: what looks like one may be part of a string or an address.
    for css in (text, _CSS_COMMENT.sub("", text)):
        plain = _SPACE.sub(" ", _CSS_ESCAPE.sub(_unescaped, css))
        if _LEADS_OUT.search(plain):
            raise ValueError("a style must not lead out of the document")


def _unescaped(escape: re.Match[str]) -> str:
    code, character = escape.groups()
    return chr(min(int(code, 16), 0x10FFFF)) if code else character


def _split(name: str) -> tuple[str, str]:
    namespace, _, local = name.rpartition("}")
    return namespace.removeprefix("{"), local
