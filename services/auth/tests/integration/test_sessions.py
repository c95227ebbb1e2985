"""Signing in, staying in, getting out: on a real Redis."""

import asyncio
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest

from shop_auth import repository
from shop_auth.repository import MAX_SESSIONS
from shop_auth.settings import Settings
from shop_shared.server import Service

from .conftest import ADA, GRANT, bearer, hear, refresh, sign_in, signed_in


async def test_a_token_says_who_and_for_how_long(http: httpx.AsyncClient) -> None:
    tokens = await sign_in(http)
    keys = jwt.PyJWKSet.from_dict((await http.get("/.well-known/jwks.json")).json())
    kid = jwt.get_unverified_header(tokens["access_token"])["kid"]
    claims = jwt.decode(
        tokens["access_token"],
        keys[kid],
        algorithms=["EdDSA"],
        audience="minishop",
        issuer="https://auth.minishop.dev",
    )
    assert claims["sub"] == str(ADA)
    assert claims["roles"] == ["customer"]
    assert claims["sid"] == tokens["session_id"]
    assert claims["exp"] - claims["iat"] == tokens["expires_in"] == 600


async def test_wrong_passwords_lock_for_a_while_whoever_asks(
    http: httpx.AsyncClient, settings: Settings, users: Any
) -> None:
    for email in ("ada@example.com", "nobody@example.com"):
        wrong = {**GRANT, "email": email, "password": "wrong"}
        answers = [await http.post("/v1/auth/token", json=wrong) for _ in range(11)]
        assert [answer.status_code for answer in answers] == [401] * 10 + [429]
        assert 0 < int(answers[-1].headers["retry-after"]) <= settings.password_window_seconds
        assert answers[0].json()["code"] == "invalid_grant"
    asked = users.asked
    assert (await http.post("/v1/auth/token", json=GRANT)).status_code == 429
    assert users.asked == asked


async def test_a_refresh_token_counts_once(http: httpx.AsyncClient) -> None:
    first = await sign_in(http)
    second = (await refresh(http, first)).json()
    third = (await refresh(http, second)).json()
    assert third["session_id"] == first["session_id"]
    assert await signed_in(http, third)
    stolen = await refresh(http, first)
    assert (stolen.status_code, stolen.json()["code"]) == (401, "invalid_grant")
    # The whole family has ended, with every access token of it.
    assert (await refresh(http, third)).status_code == 401
    assert not await signed_in(http, third)


async def test_a_lost_answer_may_be_asked_for_once_more(http: httpx.AsyncClient) -> None:
    first = await sign_in(http)
    lost = (await refresh(http, first)).json()
    again = await refresh(http, first)
    assert again.status_code == 200
    assert (await refresh(http, again.json())).status_code == 200
    # The answer that was thought lost is spent.
    assert (await refresh(http, lost)).status_code == 401
    assert not await signed_in(http, again.json())


async def test_of_many_refreshes_at_once_two_can_win(http: httpx.AsyncClient) -> None:
    first = await sign_in(http)
    answers = await asyncio.gather(*(refresh(http, first) for _ in range(20)))
    statuses = sorted(answer.status_code for answer in answers)
    # The second has its token, or finds the session ended already by those that came too often.
    assert statuses in ([200, 200] + [401] * 18, [200] + [401] * 19)
    for answer in answers:
        if answer.status_code == 200:
            assert (await refresh(http, answer.json())).status_code == 401


@pytest.mark.parametrize("token", ["x", "x.y", "", ".", "{}.*", str(UUID(int=5)) + ".guess"])
async def test_a_made_up_refresh_token_ends_nobody(http: httpx.AsyncClient, token: str) -> None:
    tokens = await sign_in(http)
    for made_up in (token, f"{tokens['session_id']}.guess"):
        answer = await http.post("/v1/auth/refresh", json={"refresh_token": made_up})
        assert answer.status_code in (401, 422)
    assert (await refresh(http, tokens)).status_code == 200


async def test_sessions_are_ones_own(http: httpx.AsyncClient, users: Any) -> None:
    phone, laptop = await sign_in(http), await sign_in(http)
    listed = (await http.get("/v1/auth/sessions", headers=bearer(laptop))).json()["items"]
    assert [(item["id"], item["current"]) for item in listed] == [
        (laptop["session_id"], True),
        (phone["session_id"], False),
    ]
    gone = await http.delete(f"/v1/auth/sessions/{phone['session_id']}", headers=bearer(laptop))
    assert gone.status_code == 204
    assert not await signed_in(http, phone)
    assert await signed_in(http, laptop)
    other = f"/v1/auth/sessions/{UUID(int=9)}"
    assert (await http.delete(other, headers=bearer(laptop))).status_code == 404
    assert (await http.delete("/v1/auth/sessions", headers=bearer(laptop))).status_code == 204
    assert not await signed_in(http, laptop)


async def test_staff_end_the_sessions_of_others(http: httpx.AsyncClient, users: Any) -> None:
    thief, owner = await sign_in(http), await sign_in(http)
    url = f"/v1/auth/users/{ADA}/sessions"
    for tokens in (thief, owner):
        assert (await http.get(url, headers=bearer(tokens))).status_code == 403
        assert (await http.delete(url, headers=bearer(tokens))).status_code == 403
    users.roles = ("customer", "staff")
    staff = await sign_in(http)
    listed = (await http.get(url, headers=bearer(staff))).json()["items"]
    assert {item["id"] for item in listed} >= {thief["session_id"], owner["session_id"]}
    one = await http.delete(f"{url}/{thief['session_id']}", headers=bearer(staff))
    assert one.status_code == 204
    assert not await signed_in(http, thief)
    assert await signed_in(http, owner)
    nobodys = await http.delete(f"{url}/{UUID(int=9)}", headers=bearer(staff))
    assert nobodys.status_code == 404
    assert (await http.delete(url, headers=bearer(staff))).status_code == 204
    assert not await signed_in(http, owner)


async def test_a_new_address_is_in_the_next_token(
    http: httpx.AsyncClient, service: Service
) -> None:
    tokens = await sign_in(http)
    await hear(service, "minishop.user.email_changed.v1", new_email="ada.king@example.com")
    tokens = (await refresh(http, tokens)).json()
    claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
    assert claims["email"] == "ada.king@example.com"


async def test_logging_out_ends_the_session(http: httpx.AsyncClient) -> None:
    tokens = await sign_in(http)
    assert (await http.post("/v1/auth/logout", headers=bearer(tokens))).status_code == 204
    assert not await signed_in(http, tokens)
    assert (await refresh(http, tokens)).status_code == 401


@pytest.mark.parametrize("type_", ["minishop.user.deleted.v1", "minishop.user.suspended.v1"])
async def test_who_is_locked_out_is_out_at_once(
    http: httpx.AsyncClient, service: Service, type_: str
) -> None:
    tokens = await sign_in(http)
    await hear(service, type_)
    assert not await signed_in(http, tokens)
    # A sign-in that was under way when the news came.
    late = await http.post("/v1/auth/token", json=GRANT)
    assert (late.status_code, late.json()["code"]) == (403, "account_suspended")
    await hear(service, "minishop.user.reinstated.v1")
    assert await signed_in(http, await sign_in(http))


async def test_old_news_of_an_account_undo_no_newer_ones(
    http: httpx.AsyncClient, service: Service, users: Any
) -> None:
    """Redelivered, or redriven from a dead letter."""
    users.version = 7  # suspended with 3, reinstated, two other addresses, another role
    tokens = await sign_in(http)
    await hear(service, "minishop.user.email_changed.v1", new_email="late@example.com", version=6)
    await hear(service, "minishop.user.email_changed.v1", new_email="new@example.com", version=9)
    await hear(service, "minishop.user.email_changed.v1", new_email="old@example.com", version=8)
    await hear(service, "minishop.user.suspended.v1", version=3)
    assert await signed_in(http, tokens)
    claims = jwt.decode(
        (await refresh(http, tokens)).json()["access_token"], options={"verify_signature": False}
    )
    assert claims["email"] == "new@example.com"
    # A sign-in that was under way with the roles of before stays refused.
    await hear(service, "minishop.user.roles_changed.v1", version=10)
    await hear(service, "minishop.user.password_changed.v1", version=9, kept_session_id=None)
    users.version = 9
    assert (await http.post("/v1/auth/token", json=GRANT)).status_code == 503


async def test_a_suspension_ends_the_sessions_of_before_it(
    http: httpx.AsyncClient, service: Service, users: Any
) -> None:
    before = await sign_in(http)
    await hear(service, "minishop.user.suspended.v1", version=2)
    assert not await signed_in(http, before)
    assert (await http.post("/v1/auth/token", json=GRANT)).status_code == 503  # was under way
    users.version = 3  # reinstated
    assert await signed_in(http, await sign_in(http))


async def test_a_new_password_ends_the_other_sessions(
    http: httpx.AsyncClient, service: Service
) -> None:
    thief, owner = await sign_in(http), await sign_in(http)
    await hear(service, "minishop.user.password_changed.v1", kept_session_id=owner["session_id"])
    assert not await signed_in(http, thief)
    assert await signed_in(http, owner)


@pytest.mark.parametrize(
    "type_", ["minishop.user.password_changed.v1", "minishop.user.roles_changed.v1"]
)
async def test_a_change_ends_the_sessions_of_before_and_not_those_since(
    type_: str, http: httpx.AsyncClient, service: Service, users: Any
) -> None:
    before = await sign_in(http)
    users.version = 2  # reset by mail, and at once signed in: the news is still on its way
    since = await sign_in(http)
    for _ in range(2):  # it may come twice
        await hear(service, type_, version=2)
        assert not await signed_in(http, before)
        assert await signed_in(http, since)
    # A sign-in that was under way before the change: its password or its roles are of before.
    users.version = 1
    late = await http.post("/v1/auth/token", json=GRANT)
    assert (late.status_code, late.headers["retry-after"]) == (503, "1")
    listed = await http.get("/v1/auth/sessions", headers=bearer(since))
    assert [item["id"] for item in listed.json()["items"]] == [since["session_id"]]
    users.version = 3
    assert await signed_in(http, await sign_in(http))


@pytest.mark.parametrize(
    "type_", ["minishop.user.password_changed.v1", "minishop.user.roles_changed.v1"]
)
async def test_without_a_version_to_compare_every_session_ends(
    type_: str, http: httpx.AsyncClient, service: Service, users: Any
) -> None:
    """While two versions of the user service run side by side."""
    cases: list[tuple[int | None, dict[str, int]]] = [(7, {}), (None, {}), (None, {"version": 2})]
    for users.version, said in cases:
        tokens = await sign_in(http)
        await hear(service, type_, **said)
        assert not await signed_in(http, tokens)
        assert await signed_in(http, await sign_in(http))


async def test_a_suspended_account_is_told_so_only_with_its_password(
    http: httpx.AsyncClient, users: Any
) -> None:
    users.status = "suspended"
    assert (await http.post("/v1/auth/token", json=GRANT)).status_code == 403
    wrong = await http.post("/v1/auth/token", json={**GRANT, "password": "wrong"})
    assert wrong.status_code == 401


async def test_a_user_has_a_bounded_number_of_sessions(http: httpx.AsyncClient) -> None:
    signed = [await sign_in(http) for _ in range(MAX_SESSIONS + 2)]
    listed = (await http.get("/v1/auth/sessions", headers=bearer(signed[-1]))).json()["items"]
    assert {item["id"] for item in listed} == {each["session_id"] for each in signed[2:]}
    assert not await signed_in(http, signed[0])
    assert (await refresh(http, signed[1])).status_code == 401
    assert await signed_in(http, signed[2])


async def test_what_a_session_keeps_is_bounded(
    http: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repository, "MAX_SPENT", 4)
    tokens = await sign_in(http)
    statuses = []
    for _ in range(6):
        answer = await refresh(http, tokens)
        statuses.append(answer.status_code)
        tokens = answer.json() if answer.status_code == 200 else tokens
    assert statuses[:3] == [200, 200, 200]
    assert statuses[-1] == 401
