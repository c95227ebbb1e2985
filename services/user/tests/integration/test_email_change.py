"""Moving an account to another e-mail address, and exporting it."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
from sqlalchemy.ext.asyncio import AsyncEngine

from shop_shared.testing import said

from .conftest import ADDRESS

URL = "/v1/users/me/email"
VERIFY = "/internal/v1/credentials:verify"
PASSWORD = "correct horse 1"


async def ask(http: httpx.AsyncClient, person: Any, new_email: str) -> httpx.Response:
    body = {"new_email": new_email, "current_password": PASSWORD}
    return await http.post(URL, json=body, headers=person.headers)


async def test_the_account_moves_by_the_code_sent_to_the_new_address(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any, auth: dict[str, str]
) -> None:
    new = f"{uuid4().hex}@example.com"
    assert (await ask(http, ada, f"  {new.upper()} ")).status_code == 202
    kind, sent = (await said(engine, ada.id))[-1]
    assert (kind, sent["destination"]) == ("verification_requested", new)

    async def confirm(code: str) -> int:
        answer = await http.post(f"{URL}/confirm", json={"code": code}, headers=ada.headers)
        return answer.status_code

    assert await confirm(f"{(int(sent['code']) + 1) % 10**6:06}") == 422
    assert await confirm(sent["code"]) == 204
    assert await confirm(sent["code"]) == 422
    me = (await http.get("/v1/users/me", headers=ada.headers)).json()
    assert (me["email"], me["email_verified_at"] is None) == (new, False)
    changed, updated = (await said(engine, ada.id))[-2:]
    assert changed[0] == "email_changed"
    assert (changed[1]["old_email"], changed[1]["new_email"]) == (ada.email, new)
    assert (updated[0], updated[1]["email"]) == ("updated", new)
    assert changed[1]["version"] == updated[1]["version"] == me["version"]
    for email, status in ((new, 200), (ada.email, 401)):
        body = {"email": email, "password": PASSWORD}
        assert (await http.post(VERIFY, json=body, headers=auth)).status_code == status


async def test_another_accounts_address_is_not_to_be_had(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any, registration: dict[str, Any]
) -> None:
    new = f"{uuid4().hex}@example.com"
    assert (await ask(http, ada, new)).status_code == 202
    _, sent = (await said(engine, ada.id))[-1]
    # Somebody registers it before the code comes back.
    await http.post("/v1/users", json={**registration, "email": new})
    answer = await http.post(f"{URL}/confirm", json={"code": sent["code"]}, headers=ada.headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "code_invalid")
    # Now it is taken: its owner is told, and no code is sent.
    assert (await ask(http, ada, new)).status_code == 202
    assert [kind for kind, _ in await said(engine, ada.id)].count("verification_requested") == 1


async def test_it_takes_the_password_and_is_bounded(http: httpx.AsyncClient, ada: Any) -> None:
    body = {"new_email": "x@example.com", "current_password": "guess"}
    assert (await http.post(URL, json=body, headers=ada.headers)).status_code == 403
    same = await ask(http, ada, ada.email)
    assert (same.status_code, same.json()["code"]) == (409, "same_email")
    answers = [await ask(http, ada, f"{n}.{uuid4().hex}@example.com") for n in range(6)]
    assert [answer.status_code for answer in answers] == [202] * 5 + [429]


async def test_only_one_of_two_gets_an_address(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any, signer: Any, registration: Any
) -> None:
    """Two accounts with codes for the same address confirm at once."""
    other = f"{uuid4().hex}@example.com"
    await http.post("/v1/users", json={**registration, "email": other})
    staff = signer.headers(uuid4(), roles=["staff"])
    found = await http.get("/v1/users", params={"email": other}, headers=staff)
    bob = found.json()["items"][0]["id"]
    headers = {bob: signer.headers(bob), str(ada.id): ada.headers}
    new = f"{uuid4().hex}@example.com"
    codes = {}
    for user, mine in headers.items():
        body = {"new_email": new, "current_password": PASSWORD}
        assert (await http.post(URL, json=body, headers=mine)).status_code == 202
        codes[user] = (await said(engine, user))[-1][1]["code"]
    answers = await asyncio.gather(
        *(
            http.post(f"{URL}/confirm", json={"code": codes[user]}, headers=mine)
            for user, mine in headers.items()
        )
    )
    assert sorted(answer.status_code for answer in answers) == [204, 422]


async def test_the_export_has_all_that_is_held(http: httpx.AsyncClient, ada: Any) -> None:
    await http.post("/v1/users/me/addresses", json=ADDRESS, headers=ada.headers)
    await http.post("/v1/users/me/verifications", json={"channel": "email"}, headers=ada.headers)
    answer = await http.get("/v1/users/me/export", headers=ada.headers)
    assert answer.headers["content-disposition"].startswith("attachment")
    export = answer.json()
    assert export["account"]["email"] == ada.email
    assert export["addresses"][0]["line1"] == ADDRESS["line1"]
    assert export["codes"][0]["destination"] == ada.email
    assert "digest" not in answer.text
    assert "password" not in answer.text
