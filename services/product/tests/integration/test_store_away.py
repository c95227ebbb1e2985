"""MongoDB is away: said so, nothing worse."""

import httpx
from pydantic import SecretStr

from shop_product import main
from shop_product.settings import Settings


async def test_without_its_database_every_answer_is_a_problem() -> None:
    url = "mongodb://127.0.0.1:1/product?serverSelectionTimeoutMS=200&timeoutMS=400"
    service = main.create(Settings(database_url=SecretStr(url)))
    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://product") as http:
        answer = await http.get("/v1/products")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
    for close in service.close:
        await close()
