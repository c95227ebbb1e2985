"""HTTP as its RFCs have it: HEAD, Date, Age, validators and codings."""

import asyncio
import gzip
import time

import httpx
import pytest

from .conftest import ALL, LARGE, PUBLIC, Shop

PLAIN = {"Accept-Encoding": "identity"}
GZIP = {"Accept-Encoding": "gzip"}


@pytest.mark.parametrize("coding", ["identity", "gzip"])
@pytest.mark.parametrize("path", ALL)
async def test_head_has_the_headers_of_get(
    path: str, coding: str, client: httpx.AsyncClient
) -> None:
    headers = {"Accept-Encoding": coding}
    got, asked = await client.get(path, headers=headers), await client.head(path, headers=headers)
    assert (asked.status_code, asked.content) == (got.status_code, b"")
    # RFC 9110, 9.3.2: what only the making of the content tells may be left out.
    may_lack = {"content-length", "transfer-encoding", "content-encoding"}
    volatile = {"date", "age", "ratelimit", "ratelimit-policy"}  # memory is not counted
    for name in got.headers.keys() - may_lack - volatile:
        assert asked.headers.get_list(name) == got.headers.get_list(name), name
    if coding == "identity" and path not in {"/v1/none", "/v1/stream"}:
        assert asked.headers["content-length"] == got.headers["content-length"]


@pytest.mark.parametrize("path", ALL)
async def test_every_answer_has_one_date(path: str, client: httpx.AsyncClient) -> None:
    for _ in range(2):
        for method in ("GET", "HEAD", "POST"):
            answer = await client.request(method, path)
            assert len(answer.headers.get_list("date")) == 1, (method, answer.headers)
            assert "server" not in answer.headers


async def test_the_gateway_is_asked_for_its_options(client: httpx.AsyncClient) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
    writer.write(b"OPTIONS * HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n")
    answer = await reader.read()
    writer.close()
    assert answer.startswith(b"HTTP/1.1 204 "), answer


async def test_what_comes_from_memory_says_its_age(client: httpx.AsyncClient, shop: Shop) -> None:
    begun = time.monotonic()
    assert (await client.get("/v1/list")).headers["age"] == "0"
    await asyncio.sleep(1.1)
    for method in ("GET", "HEAD"):
        answer = await client.request(method, "/v1/list")
        [age] = answer.headers.get_list("age")
        assert 1 <= int(age) <= time.monotonic() - begun
    unchanged = await client.get("/v1/list", headers={"If-None-Match": "*"})
    assert unchanged.status_code == 304
    assert 1 <= int(unchanged.headers["age"]) <= time.monotonic() - begun
    assert shop.calls["/v1/list"] == 1


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [
        ('"7"', 304),
        ('W/"7"', 304),
        ('"1", "7"', 304),
        ('"1", W/"7", "8"', 304),
        ("*", 304),
        ('"7-gzip"', 304),
        ('"8"', 200),
        ("7", 200),
    ],
)
@pytest.mark.parametrize("coding", ["identity", "gzip"])
async def test_a_known_version_is_not_sent_again(
    if_none_match: str, status: int, coding: str, client: httpx.AsyncClient
) -> None:
    for _ in range(2):  # from the service, then from memory
        answer = await client.get(
            "/v1/list", headers={"If-None-Match": if_none_match, "Accept-Encoding": coding}
        )
        assert answer.status_code == status
        assert answer.headers["cache-control"] == PUBLIC["Cache-Control"]
        assert "accept-encoding" in answer.headers["vary"].lower()
        assert answer.headers["etag"].startswith('"7')
        if status == 304:
            assert answer.content == b""
            assert "content-type" not in answer.headers


async def test_two_lines_of_if_none_match_are_one_list(client: httpx.AsyncClient) -> None:
    lines = [("If-None-Match", '"1"'), ("If-None-Match", '"7"')]
    assert (await client.get("/v1/list", headers=lines)).status_code == 304


@pytest.mark.parametrize("header", ["If-Match", "If-Unmodified-Since", "If-Range", "Range"])
async def test_what_only_the_service_can_judge_goes_to_it(
    header: str, client: httpx.AsyncClient, shop: Shop
) -> None:
    await client.get("/v1/list")
    await client.get("/v1/list", headers={header: '"7"'})
    assert shop.calls["/v1/list"] == 2


@pytest.mark.parametrize(("status", "calls"), [(200, 3), (204, 3), (303, 3), (409, 2), (503, 2)])
async def test_who_has_changed_a_thing_reads_it_anew(
    status: int, calls: int, client: httpx.AsyncClient, shop: Shop
) -> None:
    """RFC 9111, 4.4: a change that was no error makes what is kept invalid."""
    shop.status_of_changes = status
    await client.get("/v1/list")
    assert (await client.put("/v1/list", json={})).status_code == status
    for _ in range(2):
        assert (await client.get("/v1/list")).status_code == 200
    assert shop.calls["/v1/list"] == calls


async def test_one_entry_serves_every_coding(client: httpx.AsyncClient, shop: Shop) -> None:
    for coding in ("gzip, deflate, br", "gzip", "identity", "br;q=1.0, gzip;q=0.8", "zstd", ""):
        answer = await client.get("/v1/list", headers={"Accept-Encoding": coding})
        assert answer.json() == LARGE
        assert answer.headers.get("content-encoding") == ("gzip" if "gzip" in coding else None)
    assert shop.calls["/v1/list"] == 1
    assert shop.last
    assert "accept-encoding" not in shop.last.headers


@pytest.mark.parametrize("path", ["/v1/list", "/v1/one"])
async def test_a_compressed_answer_is_another_representation(
    path: str, client: httpx.AsyncClient
) -> None:
    plain, packed = [await client.get(path, headers=headers) for headers in (PLAIN, GZIP)]
    assert plain.json() == packed.json() == LARGE
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"]) / 2
    assert packed.headers["etag"] == plain.headers["etag"].removesuffix('"') + '-gzip"'
    for answer in (plain, packed):
        assert "accept-encoding" in answer.headers["vary"].lower()


async def test_a_compressed_answers_tag_names_the_version_that_is_edited(
    client: httpx.AsyncClient, shop: Shop
) -> None:
    tag = (await client.get("/v1/one", headers=GZIP)).headers["etag"]
    assert tag == '"6-gzip"'
    answer = await client.put("/v1/one", json={}, headers={"If-Match": tag})
    assert answer.status_code == 200
    stale = await client.put("/v1/one", json={}, headers={"If-Match": '"5-gzip"'})
    assert stale.status_code == 412
    known = await client.get("/v1/one", headers=GZIP | {"If-None-Match": tag})
    assert (known.status_code, known.headers["etag"]) == (304, tag)
    known = await client.get("/v1/one", headers=PLAIN | {"If-None-Match": '"6"'})
    assert (known.status_code, known.headers["etag"]) == (304, '"6"')


async def test_what_is_small_or_compressed_already_or_refused_stays_as_it_is(
    client: httpx.AsyncClient,
) -> None:
    assert "content-encoding" not in (await client.get("/v1/picture", headers=GZIP)).headers
    assert "content-encoding" not in (await client.get("/livez", headers=GZIP)).headers
    refusing = await client.get("/v1/list", headers={"Accept-Encoding": "gzip;q=0, *;q=1"})
    assert "content-encoding" not in refusing.headers


@pytest.mark.parametrize("size", [5000, 3_000_000])
async def test_a_public_picture_is_not_compressed_and_only_a_small_one_is_kept(
    size: int, client: httpx.AsyncClient, shop: Shop
) -> None:
    path = f"/v1/picture?public&size={size}"
    for _ in range(2):
        answer = await client.get(path, headers=GZIP)
        assert (len(answer.content), answer.headers["etag"]) == (size, '"7"')
        assert int(answer.headers["content-length"]) == size
        assert "content-encoding" not in answer.headers
        assert "accept-encoding" not in answer.headers.get("vary", "").lower()
    assert shop.calls["/v1/picture"] == (1 if size == 5000 else 2)


async def test_a_stream_is_compressed_as_it_comes(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/stream", headers=GZIP)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.text == "x" * 100_000


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "GZIP", "gzip, gzip"])
async def test_a_compressed_body_is_refused(coding: str, client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/v1/one",
        content=gzip.compress(b"{}"),
        headers={"Content-Type": "application/json", "Content-Encoding": coding},
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_content_encoding")
    assert answer.headers["accept-encoding"] == "identity"


async def test_a_body_that_says_identity_is_taken(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/one", json={}, headers={"Content-Encoding": "identity"})
    assert answer.status_code == 200
