"""KafkaTopics and KafkaConnectors: their content is applied with the other children.

What is decided here is whose they are, and what becomes of them when they are no longer declared.
They are marked by their labels. One whose labels were removed is still ours if it is recorded and
the operator's field manager applied it.

Connect keeps a connector's position after it is gone. A connector that is made anew under that name
would go on from there: in another database, of which it then reads nothing (ADR 0073).
"""

from dataclasses import dataclass
from typing import Final

from shop_operator.api.api_errors import ApiError, NotFoundError
from shop_operator.api.kinds import IN_KAFKA_NAMESPACE, KAFKA_TOPIC, SECRET, Kind
from shop_operator.apply.owner import hand_over_command, is_ours
from shop_operator.children.kafka_topic import RETAIN_ANNOTATION
from shop_operator.metadata import Manifest, key_of
from shop_operator.names import connector_login
from shop_operator.spec import Deletion
from shop_operator.stores.errors import StoreError
from shop_operator.stores.external import Found, Record, record_of
from shop_operator.stores.sessions import Sessions

KINDS = {kind.kind: kind for kind in IN_KAFKA_NAMESPACE}
_OFFSETS: Final = "strimzi.io/connector-offsets"
"""Strimzi resets a stopped connector's offsets where this says `reset`, and then takes it off."""
_POSITION: Final = "minishop.dev/position"
"""On a connector whose position is being forgotten, or has been: it goes."""


def is_going(connector: Manifest) -> bool:
    """Return True if a connector is being released: it is stopped and forgets its position."""
    return _POSITION in (connector["metadata"].get("annotations") or {})


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaResource:
    """A KafkaTopic or a KafkaConnector."""

    kind: Kind
    name: str
    namespace: str
    topic: str = ""
    """The topic's name in Kafka, where it is a KafkaTopic."""
    on_delete: Deletion = "Drop"
    is_named_by_user: bool = False
    """Whether a topic of that name may be somebody else's; Debezium's own topics are not."""

    @property
    def record(self) -> Record:
        """What is remembered of it."""
        return Record(store="kafka", kind=self.kind.kind, name=self.name, on_delete=self.on_delete)

    async def read(self, sessions: Sessions) -> Found | None:
        """Return the live resource, or another one that manages the same topic."""
        live = (
            await self._get(sessions)
            if sessions.fresh
            else sessions.resources.cache.get(self.kind, self.namespace, self.name)
        )
        if live is None and sessions.fresh:
            return None
        if live is None:
            other = self._same_topic(sessions)
            if other is not None:
                return Found("", f"KafkaTopic {other} manages the same topic")
            return await self._in_kafka(sessions)
        key = key_of(live)
        if key is None:
            live = await self._get(sessions)
            if live is None:
                return None
            key = sessions.service.key if is_ours(sessions.service, live) else None
        return Found(str(key) if key else "", hand_over_command(sessions.service, self.kind, live))

    async def ensure(self, sessions: Sessions) -> None:
        """Do nothing: it is applied with the other children."""

    async def release(self, sessions: Sessions) -> bool:
        """Delete the resource; Strimzi then deletes the topic, unless it is retained.

        A connector's position is forgotten first. Raises StoreError while that takes.
        """
        live = await self._get(sessions)
        if live is not None and "deletionTimestamp" not in live["metadata"]:
            if self.kind is not KAFKA_TOPIC:
                await self._forget_position(sessions, live)
            await self._delete(sessions, live)
            live = await self._get(sessions)
        # A topic that Strimzi is deleting comes to its end by itself; a connector still reads.
        return live is None or self.kind is KAFKA_TOPIC

    async def _forget_position(self, sessions: Sessions, live: Manifest) -> None:
        """Have Strimzi stop a connector and reset its offsets. Raises StoreError until it has.

        Connect needs the connector's login for that: without it, as in a namespace that is being
        deleted, the position stays. Source: Strimzi's proposal 76, "Resetting offsets".
        """
        status, metadata = live.get("status") or {}, live["metadata"]
        service, cache = sessions.service, sessions.resources.cache
        has_login = cache.get(SECRET, service.namespace, connector_login(service)) is not None
        had_it = (status.get("connectorStatus") or {}).get("connector")
        if not had_it or not has_login or cache.is_ending(service.namespace):
            return
        if is_going(live) and _OFFSETS not in metadata["annotations"]:
            return
        if not is_going(live):
            annotations = {_OFFSETS: "reset", _POSITION: "forget"}
            patch = {
                "metadata": {"annotations": annotations, "uid": metadata["uid"]},
                "spec": {"state": "stopped"},
            }
            request = sessions.resources.client.merge(self.kind, self.namespace, self.name, patch)
            try:
                await sessions.resources.gate.write(request)
            except NotFoundError:
                return
            except ApiError as error:
                raise _failed(self, error) from error
        said = [c["message"] for c in status.get("conditions") or () if c["type"] == "Warning"]
        why = "; ".join(said) or "do Strimzi and Kafka Connect run?"
        raise StoreError("Releasing", f"it is stopped and has to forget its position: {why}")

    async def _delete(self, sessions: Sessions, live: Manifest) -> None:
        client, gate, uid = (
            sessions.resources.client,
            sessions.resources.gate,
            live["metadata"]["uid"],
        )
        try:
            if self.kind is KAFKA_TOPIC and self.on_delete == "Retain":
                patch = {"metadata": {"annotations": RETAIN_ANNOTATION, "uid": uid}}
                await gate.write(client.merge(self.kind, self.namespace, self.name, patch))
            await gate.write(client.delete(self.kind, self.namespace, self.name, uid=uid))
        except NotFoundError:
            return
        except ApiError as error:
            raise _failed(self, error) from error

    async def _get(self, sessions: Sessions) -> Manifest | None:
        try:
            live = await sessions.resources.client.get(self.kind, self.namespace, self.name)
        except NotFoundError:
            return None
        except ApiError as error:
            raise _failed(self, error) from error
        return {"apiVersion": self.kind.api_version, "kind": self.kind.kind, **live}

    async def _in_kafka(self, sessions: Sessions) -> Found | None:
        """Return the topic that is in Kafka without a KafkaTopic, if it was there before us.

        Topics carry no mark. One that was kept when its KafkaTopic went is like one that somebody
        else made: it is taken over only by who does not ask for its end.
        """
        topics = sessions.servers.topics
        if not self.is_named_by_user or self.on_delete == "Retain" or topics is None:
            return None
        known = (record_of(entry) for entry in sessions.service.status.get("external") or ())
        if any(record.identity == self.record.identity for record in known):
            return None
        if self.topic not in await topics.names():
            return None
        how = "the topic is in Kafka without a KafkaTopic; onDelete: Retain takes it over"
        return Found("", how)

    def _same_topic(self, sessions: Sessions) -> str | None:
        for other in sessions.resources.cache.unowned(self.kind, self.namespace):
            name = str(other["metadata"]["name"])
            if self.topic and (other.get("spec") or {}).get("topicName", name) == self.topic:
                return name
        return None


def _failed(resource: KafkaResource, error: ApiError) -> StoreError:
    return StoreError("ApiError", f"{resource.record}: {error}")
