"""Every HTTP status can be a problem."""

from http import HTTPStatus

import orjson
import pytest

from shop_shared.http.problems import of_status, response


@pytest.mark.parametrize("status", [status.value for status in HTTPStatus if status >= 400])
def test_every_status_makes_a_problem(status: int) -> None:
    made = response(of_status(status, "why", {"X-Own": "1"}))
    body = orjson.loads(made.body)
    assert (made.status_code, body["status"], body["detail"]) == (status, status, "why")
    assert made.headers["x-own"] == "1"
    assert body["code"] == body["code"].lower()
