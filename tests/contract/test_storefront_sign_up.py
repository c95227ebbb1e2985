"""Signing up with an address that has an account already."""

import asyncio

import sqlalchemy as sa

from contract.browser import PASSWORD, Browser
from contract.services import SERVICES
from contract.shop import Shop
from shop_shared.stores.postgres import create_engine

CODES_AN_HOUR = 5


def sign_up_again(browser: Browser, email: str) -> str:
    """Fill in the form with the address and password of an account; return where that leads."""
    browser.get("/sign-up?next=/basket")
    browser.post("/sign-up", name="Ada", email=email, password=PASSWORD, next="/basket")
    assert browser.page.status_code == 200, browser.page.text
    return browser.page.url.path


def verify(shop: Shop, email: str) -> None:
    """Have an account's address verified, as by its code."""
    update = sa.text("UPDATE accounts SET email_verified_at = now() WHERE email = :email")

    async def write() -> None:
        engine = create_engine(shop.stores.settings(SERVICES["user"]))
        async with engine.begin() as connection:
            await connection.execute(update, {"email": email})
        await engine.dispose()

    asyncio.run(write())


def test_whoever_knows_the_password_is_signed_in(
    browser: Browser, other_browser: Browser, shop: Shop
) -> None:
    email = browser.sign_up()
    verify(shop, email)
    assert sign_up_again(other_browser, email) == "/basket"
    assert other_browser.get("/account").url.path == "/account"


def test_whoever_was_sent_enough_codes_may_still_enter_the_last(
    browser: Browser, other_browser: Browser
) -> None:
    email = browser.sign_up()
    for _ in range(CODES_AN_HOUR):
        assert sign_up_again(other_browser, email) == "/account/verify"
    assert 'class="problem"' in other_browser.page.text
    assert other_browser.get("/account").url.path == "/account"
