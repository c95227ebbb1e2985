"""/metrics is for who asks a pod itself."""

import httpx

from shop_shared.http.app import create_app
from shop_shared.http.problems import MEDIA_TYPE
from shop_shared.settings import ServiceSettings
from shop_shared.testing import Signer


async def test_who_comes_through_a_proxy_finds_none() -> None:
    app = create_app(ServiceSettings(), title="Test", verifier=Signer().verifier())
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as http:
        asked = await http.get("/metrics")
        passed_on = await http.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"})
    assert asked.status_code == 200
    assert passed_on.status_code == 404
    assert passed_on.headers["content-type"] == MEDIA_TYPE
