"""PostgreSQL is away: said so, nothing worse."""

import httpx
from pydantic import SecretStr

from shop_shared.testing import Signer
from shop_user import main
from shop_user.settings import Settings


async def test_without_its_database_every_answer_is_a_problem(signer: Signer) -> None:
    settings = Settings(database_url=SecretStr("postgresql://nobody:x@127.0.0.1:1/user"))
    service = main.create(settings)
    service.app.state.token_verifier = signer.verifier()
    transport = httpx.ASGITransport(service.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://user") as http:
        headers = signer.headers("00000000-0000-0000-0000-000000000001")
        answer = await http.get("/v1/users/me", headers=headers)
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert (await http.get("/readyz")).status_code == 503
    for close in service.close:
        await close()
