"""Links that switch off the mails of one category, without signing in.

A link carries a token signed with a key that the migration made, in the table `link_keys`. It has
no end: a mail may be read years later.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args
from uuid import UUID

import jwt

from shop_notification.plans import OPTIONAL, Category
from shop_shared.http.problems import NotFound

ALGORITHM = "HS256"
_PURPOSE = "unsubscribe"


PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address is a secret
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'"
    ),
}
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Minishop</title>
<style>body{{font:1.1rem/1.5 system-ui;max-width:30rem;margin:4rem auto;padding:0 1rem}}
button{{font:inherit;padding:.5rem 1rem}}</style>{content}</html>
"""
_ASK = """<p>No more mails about your {category}?</p>
<form method="post"><button name="List-Unsubscribe" value="One-Click">Unsubscribe</button></form>"""
_DONE = "<p>You get no more mails about your {category}. Your preferences can switch them on.</p>"


@dataclass(frozen=True, slots=True)
class Link:
    """Whose mails of which category a link switches off."""

    user_id: UUID
    category: Category


def token_of(link: Link, *, key: bytes) -> str:
    """Return the token of a link."""
    claims = {"sub": str(link.user_id), "aud": _PURPOSE, "category": link.category}
    return jwt.encode(claims, key, algorithm=ALGORITHM)


def read(token: str, *, key: bytes) -> Link:
    """Return what a token says. Raises NotFound for one that is not ours."""
    try:
        claims = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=_PURPOSE,
            options={"require": ["sub", "aud"]},
        )
        category = claims["category"]
        if category not in get_args(Category) or category not in OPTIONAL:
            raise NotFound("No such link.")
        return Link(UUID(claims["sub"]), category)
    except (jwt.PyJWTError, ValueError, KeyError) as error:
        raise NotFound("No such link.") from error


def page(category: Category, *, done: bool = False) -> str:
    """Return the HTML page of a link, before or after it was used."""
    words = {"account": "account", "orders": "orders", "payments": "payments"}
    content = (_DONE if done else _ASK).format(category=words.get(category, "parcels"))
    return _PAGE.format(content=content)
