"""AsyncAPI 3 documents, made from the payloads a service publishes and its subscriptions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from shop_shared.messaging.events import CONTENT_TYPE, EventPayload
from shop_shared.messaging.subscriptions import Subscription


@dataclass(frozen=True, slots=True)
class Contract:
    """A service's events: the payloads it publishes, and its subscriptions."""

    publishes: Sequence[type[EventPayload]] = ()
    subscriptions: Sequence[Subscription[Any, Any]] = ()


def document(contract: Contract, *, title: str, version: str) -> dict[str, Any]:
    """Return the service's AsyncAPI 3.0 document."""
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    sent = [(model.topic(), model.type, model, "send") for model in contract.publishes]
    received = [(each.topic, each.type, each.model, "receive") for each in contract.subscriptions]
    for topic, type_, model, action in [*sent, *received]:
        messages[type_] = _message(type_, model, action)
        channel = channels.setdefault(topic, {"address": topic, "messages": {}})
        channel["messages"][type_] = {"$ref": f"#/components/messages/{type_}"}
        operation = operations.setdefault(
            f"{action}_{topic}",
            {"action": action, "channel": {"$ref": f"#/channels/{topic}"}, "messages": []},
        )
        operation["messages"].append({"$ref": f"#/channels/{topic}/messages/{type_}"})
    return {
        "asyncapi": "3.0.0",
        "info": {"title": title, "version": version},
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": {"messages": messages, "messageTraits": {"cloudEvent": _CLOUD_EVENT}},
    }


def definitions(type_: str) -> str:
    """Return where, in the document, the parts of a message's schema are."""
    return f"#/components/messages/{type_}/payload/$defs/"


def _message(type_: str, model: type[BaseModel], action: str) -> dict[str, Any]:
    return {
        "name": type_,
        "summary": (model.__doc__ or "").strip().split("\n")[0],
        "contentType": CONTENT_TYPE,
        "payload": model.model_json_schema(
            ref_template=definitions(type_) + "{model}",
            # A published payload has every field; one that is read may lack fields with a default.
            mode="serialization" if action == "send" else "validation",
        ),
        "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
    }


_CLOUD_EVENT = {
    "headers": {
        "type": "object",
        "required": ["ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time"],
        "properties": {
            "ce_id": {"type": "string", "format": "uuid"},
            "ce_type": {"type": "string"},
            "ce_source": {"type": "string", "format": "uri-reference"},
            "ce_specversion": {"const": "1.0"},
            "ce_time": {"type": "string", "format": "date-time"},
            "content-type": {"const": CONTENT_TYPE},
            "traceparent": {"type": "string"},
        },
    },
    "bindings": {"kafka": {"key": {"type": "string", "description": "the aggregate's id"}}},
}
