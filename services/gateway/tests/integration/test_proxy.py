import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
from prometheus_client import REGISTRY
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Message

from shop_gateway.balancer import Balancer, Pool
from shop_gateway.body import no_body
from shop_gateway.proxy import Proxy, ProxyRequest
from shop_gateway.routes import Upstream
from shop_gateway.streaming import AnswerStreams

from .conftest import PATIENCE_SECONDS, Gateway, bound, port_of, serving

Handler = Callable[[Request], Awaitable[Response]]


def service(**handlers: Handler) -> Starlette:
    methods = ["GET", "POST", "DELETE", "PUT"]
    return Starlette(
        routes=[
            Route(f"/v1/{name}", handler, methods=methods) for name, handler in handlers.items()
        ]
    )


def bare(method: str, target: str) -> ProxyRequest:
    return ProxyRequest(method=method, target=target, headers=[], body=no_body())


async def echo(request: Request) -> JSONResponse:
    return JSONResponse(
        {
            "headers": dict(request.headers),
            "body": (await request.body()).decode(),
            "query": str(request.url.query),
        },
        status_code=201,
        headers={"X-From": "service"},
    )


async def test_a_request_arrives_whole_and_its_answer_comes_back_whole(gateway: Gateway) -> None:
    client = await gateway({"echo": (["/v1/echo"], service(echo=echo))})
    answer = await client.post(
        "/v1/echo?a=1&b=%2F",
        content=b'{"x": 1}',
        headers={"Authorization": "Bearer t", "X-User-Id": "admin", "X-Forwarded-For": "1.1.1.1"},
    )
    assert answer.status_code == 201
    assert answer.headers["x-from"] == "service"
    seen = answer.json()
    assert (seen["body"], seen["query"]) == ('{"x": 1}', "a=1&b=%2F")
    headers = seen["headers"]
    assert headers["authorization"] == "Bearer t"
    assert "x-user-id" not in headers
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert 0 < int(headers["x-request-timeout-ms"]) <= 15_000
    assert len(headers["traceparent"]) == 55


async def test_unknown_and_climbing_paths_are_not_found(gateway: Gateway) -> None:
    client = await gateway({"echo": (["/v1/echo"], service(echo=echo))})
    for path in ("/v1/none", "/v1/echo/../internal", "/internal/v1/credentials:verify"):
        request = client.build_request("GET", "http://x/")
        request.url = request.url.copy_with(
            host=client.base_url.host, port=client.base_url.port, raw_path=path.encode()
        )
        answer = await client.send(request)
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_over_the_limit_is_refused_stated_or_streamed(gateway: Gateway) -> None:
    client = await gateway({"echo": (["/v1/echo"], service(echo=echo))}, max_body_bytes=1000)

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b"x" * 100

    for content in (b"x" * 1001, endless()):
        answer = await client.post("/v1/echo", content=content)
        assert answer.status_code == 413
        assert answer.json()["code"] == "payload_too_large"


async def test_an_answer_streams_and_its_client_leaving_ends_it_at_the_service(
    gateway: Gateway,
) -> None:
    ended = asyncio.Event()

    async def events(request: Request) -> StreamingResponse:
        async def ticks() -> AsyncIterator[bytes]:
            try:
                for number in range(10_000):
                    yield f"data: {number}\n\n".encode()
                    await asyncio.sleep(0.01)
            finally:
                ended.set()

        return StreamingResponse(ticks(), media_type="text/event-stream")

    client = await gateway({"followed": (["/v1/events"], service(events=events))})
    asked = time.perf_counter()
    async with client.stream("GET", "/v1/events") as answer:
        lines = answer.aiter_lines()
        assert await anext(lines) == "data: 0"
        begun = time.perf_counter()
        while await anext(lines) != "data: 50":
            pass
    await asyncio.wait_for(ended.wait(), PATIENCE_SECONDS)
    # Timed is how long it took to begin, not how long somebody followed it.
    labels = {"service": "followed", "method": "GET", "status": "200"}
    async with asyncio.timeout(PATIENCE_SECONDS):
        while (timed := REGISTRY.get_sample_value("gateway_request_seconds_sum", labels)) is None:
            await asyncio.sleep(0.01)
    assert timed <= begun - asked


async def test_what_no_service_answers_is_counted_by_the_gateway(gateway: Gateway) -> None:
    labels = {"method": "GET", "route": "proxied", "status": "503"}
    before = REGISTRY.get_sample_value("http_requests_total", labels) or 0
    client = await gateway({"echo": (["/v1/echo"], service(echo=echo))}, pods=())
    assert (await client.get("/v1/echo")).status_code == 503
    assert REGISTRY.get_sample_value("http_requests_total", labels) == before + 1


async def test_an_idempotent_request_is_tried_once_more_and_a_post_is_not(
    gateway: Gateway,
) -> None:
    calls: Counter[str] = Counter()

    async def flaky(request: Request) -> Response:
        calls[request.method] += 1
        return Response("ok", 200 if calls[request.method] > 1 else 503)

    client = await gateway({"flaky": (["/v1/flaky"], service(flaky=flaky))})
    assert (await client.get("/v1/flaky")).status_code == 200
    assert (await client.post("/v1/flaky", content=b"x")).status_code == 503
    assert calls == {"GET": 2, "POST": 1}


async def test_a_service_that_is_away_is_a_problem_and_comes_back(gateway: Gateway) -> None:
    async def slow(request: Request) -> Response:
        await asyncio.sleep(3600)
        return Response("late")

    client = await gateway({"slow": (["/v1/slow"], service(slow=slow))}, deadline_seconds=1)
    answer = await client.get("/v1/slow")
    assert (answer.status_code, answer.json()["code"]) == (504, "gateway_timeout")


async def test_an_import_may_take_longer(gateway: Gateway) -> None:
    async def imports(request: Request) -> Response:
        await request.body()
        await asyncio.sleep(2)
        return Response("done")

    client = await gateway(
        {"imports": (["/v1/imports"], service(imports=imports))}, deadline_seconds=1
    )
    headers = {"Content-Type": "application/x-ndjson"}
    assert (await client.post("/v1/imports", content=b"{}\n", headers=headers)).text == "done"
    assert (await client.post("/v1/imports", content=b"{}\n")).status_code == 504


@pytest.mark.parametrize("media_type", ["image/png", "Image/JPEG", "image/svg+xml"])
async def test_a_picture_may_be_larger_than_other_bodies(gateway: Gateway, media_type: str) -> None:
    async def pictures(request: Request) -> Response:
        return Response(str(len(await request.body())))

    client = await gateway({"pictures": (["/v1/pictures"], service(pictures=pictures))})
    content = b"x" * (2 * 1024 * 1024)

    async def post(media_type: str) -> httpx.Response:
        headers = {"Content-Type": media_type}
        return await client.post("/v1/pictures", content=content, headers=headers)

    assert (await post(media_type)).text == str(len(content))
    assert (await post("application/json")).status_code == 413


async def test_one_of_two_pods_refusing_costs_no_request() -> None:
    """127.0.0.3 has no server: whatever is sent there first goes on to 127.0.0.2."""
    listener, nobody = bound("127.0.0.2", "127.0.0.3")
    upstream = Upstream("echo", "echo-pods", port_of(listener))
    balancer = Balancer({upstream: Pool(upstream)})
    balancer.pools[upstream].update({"127.0.0.2", "127.0.0.3"})
    proxy = Proxy(balancer, deadline_seconds=60, upload_seconds=60)
    async with serving(service(echo=echo), listener):
        for _ in range(20):
            async with proxy.open(upstream, bare("POST", "/v1/echo")) as answer:
                assert answer.status == 201
        await proxy.close()
    nobody.close()


async def test_a_gateway_that_ends_ends_its_endless_streams() -> None:
    async def endless(_request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            yield b"first"
            await asyncio.Event().wait()

        return StreamingResponse(pieces(), media_type="text/event-stream")

    [listener] = bound("127.0.0.1")
    upstream = Upstream("endless", "endless-pods", port_of(listener))
    balancer = Balancer({upstream: Pool(upstream)})
    balancer.pools[upstream].update({"127.0.0.1"})
    proxy = Proxy(balancer, deadline_seconds=60, upload_seconds=60)
    streams = AnswerStreams()
    sent: list[Message] = []

    async def receive() -> Message:
        return await asyncio.Future[Message]()

    async def send(message: Message) -> None:
        sent.append(message)
        if message.get("body") == b"first":
            streams.stop()

    async with serving(service(endless=endless), listener), asyncio.timeout(60):
        async with proxy.open(upstream, bare("GET", "/v1/endless")) as answer:
            await streams.pass_on(answer, receive, send)
        await proxy.close()
    assert sent[-1] == {"type": "http.response.body", "body": b""}


async def test_public_answers_come_from_memory_with_etags(gateway: Gateway) -> None:
    calls = 0

    async def list_(request: Request) -> Response:
        nonlocal calls
        calls += 1
        return JSONResponse(
            {"items": []}, headers={"Cache-Control": "public, max-age=60", "ETag": '"7"'}
        )

    client = await gateway({"list": (["/v1/list"], service(list=list_))})
    answers = [await client.get("/v1/list?q=a") for _ in range(3)]
    assert [a.json() for a in answers] == [{"items": []}] * 3
    assert calls == 1
    unchanged = await client.get("/v1/list?q=a", headers={"If-None-Match": '"7"'})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    await client.get("/v1/list?q=b")
    assert calls == 2


async def test_it_says_which_routes_it_serves_and_no_address_that_was_not_asked_for(
    gateway: Gateway,
) -> None:
    client = await gateway({"echo": (["/v1/echo"], service(echo=echo))})
    version = "v-echo"
    answer = await client.get("/routez", params={"address": ["127.0.0.1", "10.0.0.9"]})
    assert answer.json() == {"routes": {"echo": {"version": version, "addresses": ["127.0.0.1"]}}}
    answer = await client.get("/routez")
    assert answer.json() == {"routes": {"echo": {"version": version, "addresses": []}}}


async def test_over_the_rate_limit_is_told_when_to_come_again(gateway: Gateway) -> None:
    client = await gateway(
        {"echo": (["/v1/echo"], service(echo=echo))}, rate_limit_address="3/minute"
    )
    answers: list[httpx.Response] = [await client.get("/v1/echo") for _ in range(8)]
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert 0 < int(refused[0].headers["retry-after"]) <= 60


async def test_with_redis_gone_requests_pass_uncounted(gateway: Gateway) -> None:
    client = await gateway(
        {"echo": (["/v1/echo"], service(echo=echo))},
        redis_url="redis://127.0.0.1:1",
        rate_limit_address="1/minute",
    )
    assert [(await client.get("/v1/echo")).status_code for _ in range(3)] == [201] * 3
