"""What the API refuses, the storefront says in the reader's language, not in the API's words."""

import importlib
import pkgutil
from collections.abc import Iterator

import pytest

from contract.browser import Browser
from shop_shared.http.problems import Problem
from shop_storefront.wording import API_UNREACHABLE, PROBLEMS

SERVICES = ("auth", "gateway", "notification", "order", "payment", "product", "shipping", "user")
ELSEWHERE = {
    "unauthenticated": "leads to the sign-in page",
    "unprocessable": "says which field, and that is what is told",
    "conflict": "somebody else imports products at the same time: no page does",
    "client_disconnected": "nobody is there to read it",
    "request_timeout": "the storefront sends its bodies whole",
    "unsupported_content_encoding": "the storefront compresses no body",
    "precondition_required": "every form that changes something has its version",
    "idempotency_key_missing": "every form that makes something has its key",
    "idempotency_key_invalid": "the storefront makes the keys",
    "idempotency_key_reused": "the storefront makes the keys",
    "webhook_refused": "for payment providers",
    "webhook_unverifiable": "for payment providers",
    "not_about_oneself": "no page asks for decisions",
    "too_many_streams": "a live page asks for its state instead",
}


def test_every_problem_of_the_api_has_words_of_its_own() -> None:
    for service in ("shared", *SERVICES):
        _import_all(f"shop_{service}")
    problems = [each for each in _below(Problem) if "storefront" not in each.__module__]
    codes = {each.code for each in problems}
    assert len(codes) > len(ELSEWHERE)
    assert codes - PROBLEMS.keys() == ELSEWHERE.keys()
    assert API_UNREACHABLE not in codes


@pytest.mark.parametrize("language", ["en", "id"])
def test_a_refusal_is_said_in_the_reader_s_language(browser: Browser, language: str) -> None:
    browser.http.headers["Accept-Language"] = language
    browser.sign_up()
    browser.get("/account/password")
    tried = {"current_password": "not mine at all", "password": "another long one"}
    page = browser.post("/account/password", **tried)
    said = {"en": "The current password is wrong.", "id": "Kata sandi sekarang salah."}
    assert said[language] in page.text


def _import_all(package: str) -> None:
    """Import a service whole, but for what runs when it is imported."""
    module = importlib.import_module(package)
    for found in pkgutil.walk_packages(module.__path__, f"{package}."):
        if not {"__main__", "migrations"} & set(found.name.split(".")):
            importlib.import_module(found.name)


def _below(kind: type[Problem]) -> Iterator[type[Problem]]:
    yield kind
    for each in kind.__subclasses__():
        yield from _below(each)
