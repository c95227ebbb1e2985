"""How Kopf calls what answers admission reviews."""

import threading
from collections.abc import Iterator

import kopf
from kopf._core.actions.invocation import invoke

from shop_operator.admission.handler import install
from shop_operator.settings import Settings
from shop_operator.spec import ShopService

from .specs import service


class Known:
    """ShopServices that know in which threads they were read."""

    def __init__(self) -> None:
        self.threads: list[threading.Thread] = []

    def __iter__(self) -> Iterator[ShopService]:
        self.threads.append(threading.current_thread())
        return iter(())


async def test_what_is_known_is_read_in_the_thread_that_changes_it() -> None:
    registry, known, warnings = kopf.OperatorRegistry(), Known(), list[str]()
    install(registry, Settings(), services=known)
    [handler] = registry._webhooks.get_all_handlers()
    await invoke(handler.fn, kwargs={"body": service("a", {"image": "a"}), "warnings": warnings})
    assert known.threads == [threading.current_thread()]
    assert len(warnings) == 1
