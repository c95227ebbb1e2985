"""A stand-in for Strimzi where Strimzi can't be had: KafkaTopics and KafkaConnectors, no more.

Kopf watches; the work is level-triggered: any event, and a clock, start a sweep that compares
all resources with all of Kafka, so that nothing is lost with a watch or a crash.

    python -m shop_cluster.strimzi
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial

import httpx
import kopf
from confluent_kafka import KafkaException

from shop_cluster import strimzi_connectors, strimzi_topics
from shop_cluster.kafka_topics import KafkaTopics
from shop_cluster.kubernetes_api import KubernetesApi
from shop_cluster.strimzi_status import CLUSTER_LABEL

_log = logging.getLogger(__name__)
_RETRY_SECONDS = 1.0
# A connection opened while Connect starts is answered 404 for ever after.
_NO_KEEPALIVE = httpx.Limits(max_keepalive_connections=0)


async def run(*, namespace: str, cluster: str, kafka: str, connect: str, resync: float) -> None:
    """Reconcile until cancelled.

    ``kafka`` is host:port of the broker, ``connect`` the URL of Connect; ``resync`` is the time
    in seconds after which drift is looked for without being told.
    """
    registry = kopf.OperatorRegistry()
    kopf.on.login(registry=registry)(kopf.login_with_service_account)
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = 300
    settings.watching.client_timeout = 330
    api = KubernetesApi.from_pod()
    async with (
        httpx.AsyncClient(base_url=connect, timeout=30, limits=_NO_KEEPALIVE) as http,
        asyncio.TaskGroup() as tasks,
    ):
        place = {"namespace": namespace, "cluster": cluster}
        topics = KafkaTopics(kafka)
        sweeps = {
            strimzi_topics.PLURAL: partial(_sweep_topics, api, topics, **place),
            strimzi_connectors.PLURAL: partial(strimzi_connectors.sweep, api, http, **place),
        }
        for plural, sweep in sweeps.items():
            changed = asyncio.Event()
            _watch(registry, plural, cluster, changed)
            tasks.create_task(_keep(plural, sweep, changed, resync))
        tasks.create_task(
            kopf.operator(
                registry=registry,
                settings=settings,
                namespaces=[namespace],
                standalone=True,
                liveness_endpoint="http://0.0.0.0:8080/livez",
            )
        )


async def _sweep_topics(
    api: KubernetesApi, topics: KafkaTopics, *, namespace: str, cluster: str
) -> bool:
    try:
        return await strimzi_topics.sweep(api, topics, namespace=namespace, cluster=cluster)
    except KafkaException:
        topics.connect_anew()
        raise


def _watch(
    registry: kopf.OperatorRegistry, plural: str, cluster: str, changed: asyncio.Event
) -> None:
    @kopf.on.event(
        "kafka.strimzi.io", "v1", plural, labels={CLUSTER_LABEL: cluster}, registry=registry
    )
    async def seen(**_: object) -> None:
        changed.set()


async def _keep(
    plural: str, sweep: Callable[[], Awaitable[bool]], changed: asyncio.Event, resync: float
) -> None:
    pause = 0.0
    while True:
        with suppress(TimeoutError):  # time to look without being told
            async with asyncio.timeout(pause):
                await changed.wait()
        changed.clear()
        try:
            pause = _RETRY_SECONDS if await sweep() else resync
        except (httpx.HTTPError, KafkaException) as error:
            _log.warning("%s: again in %s s: %r", plural, _RETRY_SECONDS, error)
            await asyncio.sleep(_RETRY_SECONDS)
            pause = 0.0


def main() -> None:
    """Run with the settings in the environment."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)-7s %(name)s %(message)s")
    for chatty in ("httpx", "kopf.objects", "aiohttp.access"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    asyncio.run(
        run(
            namespace=os.environ["NAMESPACE"],
            cluster=os.environ["STRIMZI_CLUSTER"],
            kafka=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
            connect=os.environ["CONNECT_URL"],
            resync=float(os.environ.get("RESYNC_SECONDS", "10")),
        )
    )


if __name__ == "__main__":
    main()
