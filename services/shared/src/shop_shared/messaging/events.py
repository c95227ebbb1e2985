"""Events: what a service says has happened, and what it hears. CloudEvents 1.0, binary mode."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict

from shop_shared.clock import now
from shop_shared.ids import uuid7
from shop_shared.observability.trace_context import current_traceparent

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
MAX_EVENT_BYTES = 512 * 1024
"""Half of Kafka's default limit, so that a dead letter's added headers always fit."""


class EventTooLargeError(ValueError):
    """A payload is over MAX_EVENT_BYTES."""


class InvalidEventError(ValueError):
    """An event that no try will make right: its payload breaks its contract."""


class EventPayload(BaseModel):
    """What an event says. A subclass names its type and the aggregate it is about.

    The topic is `<aggregate>.events`. Its JSON Schema is the contract (see `contracts`).
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_serialization_defaults_required=True,
        # What does not fit is told in logs, without the values: they are of people.
        hide_input_in_errors=True,
    )

    type: ClassVar[str]
    aggregate: ClassVar[str]

    @classmethod
    def topic(cls) -> str:
        """Return the topic this event arrives on."""
        return f"{cls.aggregate}.events"


class ReceivedPayload(BaseModel):
    """What a service reads of another's event: the fields it names, whatever else there is.

    Every reader has models of its own, so that a publisher may add fields without asking anybody.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


@dataclass(frozen=True, slots=True)
class Event:
    """An event on its way to the outbox."""

    id: UUID
    type: str
    aggregate: str
    key: str
    payload: bytes
    """JSON."""
    source: str
    time: datetime = field(default_factory=now)
    traceparent: str | None = None


def event(payload: EventPayload, *, key: UUID | str) -> Event:
    """Make an event of its payload; key is the aggregate's id, which orders it.

    Raises EventTooLargeError.
    """
    body = payload.__pydantic_serializer__.to_json(payload)
    if len(body) > MAX_EVENT_BYTES:
        raise EventTooLargeError(f"{payload.type}: {len(body)} bytes, at most {MAX_EVENT_BYTES}")
    return Event(
        id=uuid7(),
        type=payload.type,
        aggregate=payload.aggregate,
        key=str(key),
        payload=body,
        source=f"/minishop/{payload.aggregate}",
        traceparent=current_traceparent(),
    )


ModelT = TypeVar("ModelT", bound=BaseModel)
_ModelType = type[ModelT]  # inside ReceivedEvent, `type` is the field


@dataclass(frozen=True, slots=True)
class ReceivedEvent:
    """An event as it came from Kafka."""

    id: str
    type: str
    key: str
    topic: str
    partition: int
    offset: int
    payload: bytes
    """JSON, as its publisher wrote it."""
    time: datetime | None = None
    traceparent: str | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The payload as a dict. Raises InvalidEventError."""
        try:
            data = orjson.loads(self.payload)
        except orjson.JSONDecodeError as error:
            raise InvalidEventError(f"not JSON: {error}") from error
        if not isinstance(data, dict):
            raise InvalidEventError("not a JSON object")
        return data

    def parse(self, model: _ModelType[ModelT]) -> ModelT:
        """Read the payload as model. Raises InvalidEventError, naming what is wrong."""
        try:
            return model.model_validate_json(self.payload)
        except ValueError as error:
            raise InvalidEventError(f"not a {model.__name__}: {error}") from error
