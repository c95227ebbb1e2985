"""Forms of a page as a browser without JavaScript would send them."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self

TEXT = frozenset(("text", "email", "tel", "search", "textarea"))
_Attributes = list[tuple[str, str | None]]


@dataclass
class HtmlForm:
    """A form: where it goes, what it would send, and which of its fields a person writes in."""

    action: str
    method: str
    multipart: bool
    values: dict[str, str] = field(default_factory=dict)
    texts: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[HtmlForm] = []
        self._form: HtmlForm | None = None
        self._select = ""
        self._textarea = ""

    def handle_starttag(self, tag: str, attrs: _Attributes) -> None:
        of = {name: value or "" for name, value in attrs}
        if tag == "form":
            is_multipart = of.get("enctype") == "multipart/form-data"
            self._form = HtmlForm(of["action"], of.get("method", "get"), is_multipart)
            self.found.append(self._form)
        elif self._form is None:
            return
        elif tag == "input" and "name" in of:
            self._input(self._form, of)
        elif tag == "select":
            self._select = of["name"]
        elif tag == "option" and self._select and ("selected" in of or not self._chosen()):
            self._form.values[self._select] = of.get("value", "")
        elif tag == "textarea":
            self._textarea = of["name"]
            self._form.values[self._textarea] = ""
            self._form.texts.append(self._textarea)

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._textarea:
            self._form.values[self._textarea] += data

    def _chosen(self) -> bool:
        return self._form is not None and bool(self._form.values.get(self._select))

    @staticmethod
    def _input(form: HtmlForm, of: dict[str, str]) -> None:
        name, kind = of["name"], of.get("type", "text")
        if kind == "file":
            form.uploads.append(name)
        elif kind == "checkbox":
            if "checked" in of:
                form.values[name] = of.get("value", "on")
        elif kind == "radio":
            if "checked" in of or name not in form.values:
                form.values[name] = of["value"]
        else:
            form.values[name] = of.get("value", "")
            if kind in TEXT:
                form.texts.append(name)


@dataclass(frozen=True)
class Forms:
    """The forms of a page."""

    all: tuple[HtmlForm, ...]

    @classmethod
    def of(cls, page: str) -> Self:
        """Read a page."""
        parser = _Forms()
        parser.feed(page)
        return cls(tuple(parser.found))

    @property
    def posted(self) -> tuple[HtmlForm, ...]:
        """Those that change something."""
        return tuple(form for form in self.all if form.method == "post")
