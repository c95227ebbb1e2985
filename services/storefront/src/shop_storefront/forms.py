"""What a form sent: read once, and only with the session's CSRF token."""

import secrets
from collections.abc import AsyncIterator, Iterator
from typing import Annotated

from fastapi import Depends, Request
from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile

from shop_shared.http.problems import Forbidden, UnsupportedMediaType
from shop_storefront.state import State
from shop_storefront.visit import begin_visit

FIELD = "csrf"
MAX_FIELDS = 400
SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))


class ForgedFormError(Forbidden):
    """The form has not the token of the session: another site sent it, or the session is new."""

    code, title = "forged_form", "The form is not of this session"


class Form:
    """The fields of a form. A field that is missing is empty."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str:
        """Return a field without the spaces around it."""
        value = self._data.get(name, "")
        return value.strip() if isinstance(value, str) else ""

    def secret(self, name: str) -> str:
        """Return a field as it was typed: spaces belong to a password."""
        value = self._data.get(name, "")
        return value if isinstance(value, str) else ""

    def optional(self, name: str) -> str | None:
        """Return a field, None where it is empty."""
        return self.text(name) or None

    def number(self, name: str) -> int | None:
        """Return a whole number, None for anything else."""
        text = self.text(name)
        digits = text.removeprefix("-")
        fits = digits.isascii() and digits.isdigit() and len(digits) <= 10  # noqa: PLR2004
        return int(text) if fits else None

    def checked(self, name: str) -> bool:
        """Tell whether a box was ticked, or a field sent at all."""
        return name in self._data

    def all(self, name: str) -> list[str]:
        """Return every value of a name."""
        return [value for value in self._data.getlist(name) if isinstance(value, str)]

    async def upload(self, name: str) -> tuple[bytes, str]:
        """Return an uploaded file's content and media type, both empty where there is none."""
        value = self._data.get(name)
        if not isinstance(value, UploadFile):
            return b"", ""
        return await value.read(), (value.content_type or "").lower()

    def values(self) -> dict[str, str]:
        """Return what was typed, without passwords, to be shown again."""
        return dict(self._shown())

    def _shown(self) -> Iterator[tuple[str, str]]:
        for name, value in self._data.items():
            if isinstance(value, str) and name != FIELD and "password" not in name:
                yield name, value


async def read_form(request: Request, state: State) -> Form:
    """Read the form of a request. Raises ForgedFormError and UnsupportedMediaType."""
    visit = await begin_visit(request, state)
    if visit.session.is_new:
        raise ForgedFormError
    _, parameters = parse_options_header(request.headers.get("content-type"))
    if parameters.get(b"charset", b"utf-8").lower() != b"utf-8":  # no browser sends another
        raise UnsupportedMediaType("A form is in UTF-8.")
    data = await request.form(max_files=1, max_fields=MAX_FIELDS)
    given = data.get(FIELD)
    ours = visit.session.csrf
    if not isinstance(given, str):
        raise ForgedFormError
    if not secrets.compare_digest(given.encode(), ours.encode()):
        raise ForgedFormError
    return Form(data)


async def require_token(request: Request, state: State) -> AsyncIterator[None]:
    """Refuse whatever could change something and has not the token; every router has this.

    What was uploaded is closed at the end. Raises ForgedFormError.
    """
    try:
        if request.method not in SAFE_METHODS:
            await read_form(request, state)
        yield
    finally:
        await request.close()


PostedForm = Annotated[Form, Depends(read_form)]
