"""What is logged of a failure says where and why, and nothing of the people it is about."""

import subprocess
import sys
from uuid import uuid4

import orjson
import pytest
from pydantic import BaseModel

from shop_shared.messaging.events import InvalidEventError, ReceivedEvent, ReceivedPayload

FAIL = """
import logging
import structlog
from shop_shared.observability import telemetry
from shop_shared.settings import ServiceSettings

telemetry.configure_logging(ServiceSettings())

def sign_in(password):
    raise RuntimeError("no such room")

for log in (structlog.get_logger("ours"), logging.getLogger("a library's")):
    try:
        sign_in("correct horse " + str(1))
    except RuntimeError:
        log.exception("failed")
"""


def test_a_traceback_tells_no_variables() -> None:
    lines = subprocess.run(
        [sys.executable, "-c", FAIL], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        [exception] = orjson.loads(line)["exception"]
        assert exception["exc_value"] == "no such room"
        assert [frame["name"] for frame in exception["frames"]] == ["<module>", "sign_in"]
        assert "correct horse 1" not in line


class Address(BaseModel):
    street: str


class Moved(ReceivedPayload):
    address: Address
    number: int


def test_an_event_that_does_not_fit_is_told_without_what_it_says() -> None:
    payload = orjson.dumps({"address": {"street": ["12 Main St"]}, "number": "Ada"})
    event = ReceivedEvent(
        id=str(uuid4()), type="t", key="k", topic="t", partition=0, offset=0, payload=payload
    )
    with pytest.raises(InvalidEventError, match=r"address.street\n.*string") as refused:
        event.parse(Moved)
    assert "Main St" not in str(refused.value)
    assert "Ada" not in str(refused.value)
