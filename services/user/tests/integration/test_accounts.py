"""Accounts over HTTP, on a real PostgreSQL."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import CapturingLogger

from shop_shared.testing import Signer, assert_refused, bad_requests, said
from shop_user import main
from shop_user.settings import Settings

from .conftest import ADDRESS, last_code, other_than

Headers = dict[str, str]
Json = dict[str, Any]
VERIFY = "/internal/v1/credentials:verify"


async def test_the_answer_is_the_same_whether_the_account_exists(
    http: httpx.AsyncClient, engine: AsyncEngine, registration: Json, ada: Any
) -> None:
    again = await http.post(
        "/v1/users", json={**registration, "email": registration["email"].upper()}
    )
    fresh = await http.post(
        "/v1/users", json={**registration, "email": f"{uuid4().hex}@example.com"}
    )
    assert (again.status_code, again.json()) == (fresh.status_code, fresh.json())
    async with engine.connect() as connection:
        count = await connection.scalar(
            sa.text("SELECT count(*) FROM accounts WHERE email_key = :key"),
            {"key": registration["email"].casefold()},
        )
    assert count == 1
    types = [type_ for type_, _ in await said(engine, ada.id)]
    assert types == ["registered", "registration_repeated"]


async def test_fifty_registrations_of_one_address_open_one_account(
    http: httpx.AsyncClient, engine: AsyncEngine, registration: Json
) -> None:
    answers = await asyncio.gather(*(http.post("/v1/users", json=registration) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {202}
    async with engine.connect() as connection:
        count = await connection.scalar(
            sa.text("SELECT count(*) FROM accounts WHERE email = :email"),
            {"email": registration["email"].lower()},
        )
    assert count == 1


async def test_the_profile_is_read_and_changed(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any
) -> None:
    me = await http.get("/v1/users/me", headers=ada.headers)
    assert me.json()["roles"] == ["customer"]
    assert "password" not in me.text
    changed = await http.patch(
        "/v1/users/me",
        json={"phone": "+442071234567"},
        headers={**ada.headers, "If-Match": me.headers["etag"]},
    )
    assert (changed.status_code, changed.json()["phone"]) == (200, "+442071234567")
    stale = await http.patch(
        "/v1/users/me",
        json={"name": "Eve"},
        headers={**ada.headers, "If-Match": me.headers["etag"]},
    )
    assert stale.status_code == 412
    kind, payload = (await said(engine, ada.id))[-1]
    assert (kind, payload["phone"]) == ("updated", "+442071234567")


@pytest.mark.parametrize("field", ["roles", "status", "email_verified_at", "id", "password_hash"])
async def test_nobody_promotes_themselves(http: httpx.AsyncClient, ada: Any, field: str) -> None:
    answer = await http.patch("/v1/users/me", json={field: ["admin"]}, headers=ada.headers)
    assert answer.status_code == 422


async def test_credentials_are_verified_for_services_only(
    http: httpx.AsyncClient, ada: Any, auth: Headers, admin: Headers
) -> None:
    right = {"email": ada.email.upper(), "password": "correct horse 1"}
    answer = await http.post(VERIFY, json=right, headers=auth)
    assert answer.json() == {
        "user_id": str(ada.id),
        "email": ada.email,
        "roles": ["customer"],
        "status": "active",
        "version": 1,
    }
    failures = [
        await http.post(VERIFY, json={**right, **wrong}, headers=auth)
        for wrong in ({"password": "x"}, {"email": "nobody@example.com"}, {"email": "' OR 1=1"})
    ]
    assert [failure.status_code for failure in failures] == [401] * 3
    assert len({failure.json()["detail"] for failure in failures}) == 1
    assert {failure.json()["code"] for failure in failures} == {"invalid_credentials"}
    for headers, status in (({}, 401), (ada.headers, 403), (admin, 403)):
        assert (await http.post(VERIFY, json=right, headers=headers)).status_code == status


async def test_a_new_password_counts_and_the_old_one_no_more(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any, auth: Headers, send_codes: Any
) -> None:
    async def counts(password: str) -> bool:
        body = {"email": ada.email, "password": password}
        return (await http.post(VERIFY, json=body, headers=auth)).status_code == 200

    url = "/v1/users/me/password"
    new = "battery staple 2"
    wrong = {"current_password": "guess", "new_password": new}
    assert (await http.post(url, json=wrong, headers=ada.headers)).status_code == 403
    right = {"current_password": "correct horse 1", "new_password": new}
    assert (await http.post(url, json=right, headers=ada.headers)).status_code == 204
    assert await counts(new)
    assert not await counts("correct horse 1")
    kind, payload = (await said(engine, ada.id))[-1]
    assert (kind, payload["kept_session_id"] is None) == ("password_changed", False)
    # Who signs in from now on has this version of the account: their session is none of before.
    verified = await http.post(VERIFY, json={"email": ada.email, "password": new}, headers=auth)
    assert verified.json()["version"] == payload["version"]

    resets_url = "/v1/users/password-resets"
    known = await http.post(resets_url, json={"email": ada.email})
    unknown = await http.post(resets_url, json={"email": "nobody@example.com"})
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    await send_codes()
    code = await last_code(engine, ada.id)
    reset = {"email": ada.email, "code": code, "new_password": "third password 3"}
    for spoiled in ({"code": other_than(code)}, {"email": "nobody@example.com"}):
        answer = await http.post(f"{resets_url}/confirm", json={**reset, **spoiled})
        assert (answer.status_code, answer.json()["code"]) == (422, "code_invalid")
    assert (await http.post(f"{resets_url}/confirm", json=reset)).status_code == 204
    assert await counts("third password 3")
    assert (await http.post(f"{resets_url}/confirm", json=reset)).status_code == 422


@pytest.mark.parametrize("by", ["owner", "admin"])
async def test_deletion_leaves_nothing_of_the_person(  # noqa: PLR0913, PLR0917 - fixtures
    http: httpx.AsyncClient,
    engine: AsyncEngine,
    ada: Any,
    admin: Headers,
    auth: Headers,
    registration: Json,
    by: str,
) -> None:
    await http.post("/v1/users/me/addresses", json=ADDRESS, headers=ada.headers)
    await http.post("/v1/users/me/verifications", json={"channel": "email"}, headers=ada.headers)
    if by == "owner":
        assert (await http.delete("/v1/users/me", headers=ada.headers)).status_code == 204
    else:
        assert (await http.delete(f"/v1/users/{ada.id}", headers=admin)).status_code == 204
        assert (await http.delete(f"/v1/users/{ada.id}", headers=admin)).status_code == 404
    assert (await http.get("/v1/users/me", headers=ada.headers)).status_code == 404
    async with engine.connect() as connection:
        for table in ("accounts", "addresses", "codes"):
            rows = (await connection.execute(sa.text(f"SELECT * FROM {table}"))).all()
            assert ada.email.casefold() not in str(rows).casefold()
            assert not any("Lovelace" in str(row) and str(ada.id) in str(row) for row in rows)
    assert (await said(engine, ada.id))[-1] == ("deleted", {"user_id": str(ada.id)})
    body = {"email": ada.email, "password": "correct horse 1"}
    assert (await http.post(VERIFY, json=body, headers=auth)).status_code == 401
    assert (await http.post("/v1/users", json=registration)).status_code == 202
    assert (await http.post(VERIFY, json=body, headers=auth)).status_code == 200


async def test_the_staff_lists_and_an_admin_locks(
    http: httpx.AsyncClient, engine: AsyncEngine, ada: Any, admin: Headers, staff: Headers
) -> None:
    found = await http.get("/v1/users", params={"email": ada.email}, headers=admin)
    assert [item["id"] for item in found.json()["items"]] == [str(ada.id)]
    url = f"/v1/users/{ada.id}"
    assert (await http.post(f"{url}/suspend", headers=staff)).status_code == 403
    for _ in range(2):
        suspended = (await http.post(f"{url}/suspend", headers=admin)).json()
        assert suspended["status"] == "suspended"
    assert (await said(engine, ada.id))[-1][1]["version"] == suspended["version"]
    assert (await http.get("/v1/users/me", headers=ada.headers)).status_code == 403
    assert (await http.post(f"{url}/reinstate", headers=admin)).json()["status"] == "active"
    roles = await http.put(f"{url}/roles", json={"roles": ["staff", "customer"]}, headers=admin)
    assert roles.json()["roles"] == ["customer", "staff"]
    assert (await said(engine, ada.id))[-1][1]["version"] == roles.json()["version"]
    assert [type_ for type_, _ in await said(engine, ada.id)] == [
        "registered",
        "suspended",
        "reinstated",
        "roles_changed",
    ]


async def test_nobody_locks_out_themselves(http: httpx.AsyncClient, signer: Signer) -> None:
    me = uuid4()
    answer = await http.post(f"/v1/users/{me}/suspend", headers=signer.headers(me, roles=["admin"]))
    assert (answer.status_code, answer.json()["code"]) == (409, "own_account")
    answer = await http.delete(f"/v1/users/{me}", headers=signer.headers(me, roles=["admin"]))
    assert (answer.status_code, answer.json()["code"]) == (409, "own_account")


async def test_a_suspended_account_is_deleted_by_an_admin_alone(
    http: httpx.AsyncClient,
    ada: Any,
    signer: Signer,
    staff: Headers,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = CapturingLogger()
    monkeypatch.setattr("shop_user.service.administration._log", log)
    url, by = f"/v1/users/{ada.id}", uuid4()
    admin = signer.headers(by, roles=["admin"])
    await http.post(f"{url}/suspend", headers=admin)
    assert (await http.delete("/v1/users/me", headers=ada.headers)).status_code == 403
    assert (await http.delete(url, headers=staff)).status_code == 404
    assert (await http.delete(url, headers=admin)).status_code == 204
    [told] = [call for call in log.calls if call.args == ("account deleted by staff",)]
    assert told.kwargs == {"user_id": str(ada.id), "by": str(by)}
    assert (await http.get(url, headers=staff)).json()["status"] == "deleted"


async def test_other_peoples_accounts_are_not_there(
    http: httpx.AsyncClient, ada: Any, signer: Signer
) -> None:
    other = signer.headers(uuid4())
    assert (await http.get(f"/v1/users/{ada.id}", headers=other)).status_code == 404
    assert (await http.get("/v1/users", headers=other)).status_code == 403
    assert (await http.get(f"/v1/users/{ada.id}", headers=ada.headers)).status_code == 200
    assert (await http.get(f"/v1/users/{ada.id}")).status_code == 401


async def test_the_first_administrator_signs_in_and_migrating_again_keeps_them(
    http: httpx.AsyncClient, settings: Settings, auth: Headers
) -> None:
    body = {"email": settings.admin_email, "password": "root of the shop"}
    first = await http.post(VERIFY, json=body, headers=auth)
    assert first.json()["roles"] == ["admin", "customer"]
    await asyncio.to_thread(main.migrate, settings)
    assert (await http.post(VERIFY, json=body, headers=auth)).json() == first.json()


async def test_bad_input(http: httpx.AsyncClient, registration: Json) -> None:
    for bad in bad_requests(registration):
        await assert_refused(http, "POST", "/v1/users", bad)
