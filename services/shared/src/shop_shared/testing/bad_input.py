"""Bad input for any route that takes a JSON object: whatever is sent, the answer is a 4xx problem.

@pytest.mark.parametrize("bad", bad_requests(VALID), ids=str)
async def test_bad_input(client, bad):
await assert_refused(client, "POST", "/v1/orders", bad, headers=headers)
"""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from shop_shared.http.problems import MEDIA_TYPE

Json = dict[str, Any]
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class BadRequest:
    """A body no route takes, and the statuses that say so."""

    name: str
    body: bytes
    media_type: str = JSON
    statuses: frozenset[int] = frozenset({400, 422})

    def __str__(self) -> str:
        return self.name


def bad_requests(valid: Json) -> list[BadRequest]:
    """Make bad bodies of a valid one, and of each of its fields."""
    return [*_of_no_form(valid), *_of_fields(valid)]


async def assert_refused(
    client: httpx.AsyncClient,
    method: str,
    url: str,
    bad: BadRequest,
    *,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send bad and assert that it is refused as a problem, with a status that says why."""
    answer = await client.request(
        method,
        url,
        content=bad.body,
        headers={**(headers or {}), "Content-Type": bad.media_type},
    )
    assert answer.status_code in bad.statuses, (bad.name, answer.status_code, answer.text[:500])  # noqa: S101 - for tests
    assert answer.headers["content-type"] == MEDIA_TYPE, (bad.name, answer.headers)  # noqa: S101 - for tests
    assert answer.json()["status"] == answer.status_code, bad.name  # noqa: S101 - for tests


def _of_no_form(valid: Json) -> Iterator[BadRequest]:
    good = orjson.dumps(valid)
    yield BadRequest("empty object", b"{}")
    yield BadRequest("cut off", good[:-1])
    yield BadRequest("not utf-8", b'{"\xff\xfe": 1}')
    yield BadRequest("array", b"[" + good + b"]")
    yield BadRequest("null", b"null")
    yield BadRequest("deep", b'{"a":' * 5000 + b"1" + b"}" * 5000)
    yield BadRequest("too large", b" " * (11 * 1024 * 1024), statuses=frozenset({413}))
    yield BadRequest("text", good, "text/plain", frozenset({415}))
    yield BadRequest("form", b"a=1", "application/x-www-form-urlencoded", frozenset({415}))
    yield BadRequest("xml", b"<a/>", "application/xml", frozenset({415}))
    yield BadRequest("unknown field", orjson.dumps({**valid, "role_of_mine": "admin"}))
    yield BadRequest("prototype", orjson.dumps({**valid, "__proto__": {"admin": True}}))


_VALUES: dict[str, bytes] = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "1e400": b"1e400",
    "beyond 64 bits": b"1" + b"0" * 30,
    "huge negative": b"-1" + b"0" * 30,
    "fraction": b"0.1",
    "true": b"true",
    "operator": b'{"$ne":null}',
    "nested arrays": b"[[[[]]]]",
    "NUL": rb'"a\u0000b"',
    "lone surrogate": rb'"\ud800"',
    "escape": rb'"a\u001b[31mb"',
    "text turned around": rb'"a\u202eb"',
    "million characters": b'"' + b"x" * 900_000 + b'"',
}


def _of_fields(valid: Json) -> Iterator[BadRequest]:
    for path in _paths(valid):
        place = ".".join(str(part) for part in path)
        present = _get(valid, path)
        for name, value in _VALUES.items():
            if isinstance(present, bool) and name == "true":
                continue
            if isinstance(present, float) and name == "fraction":
                continue
            yield BadRequest(f"{place}: {name}", _with(valid, path, value))
        if isinstance(present, int | float) and not isinstance(present, bool):
            yield BadRequest(f"{place}: negative", _with(valid, path, b"-1"))
            yield BadRequest(f"{place}: text", _with(valid, path, b'"1x"'))


def _paths(value: object, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    items: Sequence[tuple[str | int, object]]
    match value:
        case dict():
            items = list(value.items())
        case list():
            items = list(enumerate(value))[:1]
        case _:
            items = []
    for key, item in items:
        yield (*above, key)
        yield from _paths(item, (*above, key))


def _get(value: Any, path: tuple[str | int, ...]) -> object:  # noqa: ANN401 - any JSON
    for part in path:
        value = value[part]
    return value


def _with(valid: Json, path: tuple[str | int, ...], replacement: bytes) -> bytes:
    """Return valid as JSON with replacement, which may be no JSON at all, at path."""
    changed: Any = copy.deepcopy(valid)
    container: Any = _get(changed, path[:-1])
    container[path[-1]] = "@@here@@"
    return orjson.dumps(changed).replace(b'"@@here@@"', replacement)
