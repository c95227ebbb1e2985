"""Events, as the API server takes them."""

from functools import partial

from shop_operator.api.cache import Cache
from shop_operator.api.kinds import EVENT, SHOP_SERVICE
from shop_operator.api.write_gate import WriteGate
from shop_operator.recorder import EventRecorder
from shop_operator.spec import parse

from .outside import has_event
from .shop import Shop, eventually


def recorder_of(shop: Shop) -> EventRecorder:
    gate = WriteGate(Cache(shop.client, shop.platform, lambda *_: None), may_write=lambda: True)
    return EventRecorder(shop.client, gate, identity="test")


async def test_a_note_in_any_language_is_cut_to_what_is_taken(shop: Shop) -> None:
    service = parse(await shop.declare("told"))
    await recorder_of(shop).record(service, "Told", "データベースに接続できません。" * 90)
    await eventually(partial(has_event, shop, "Told", note="データベース"))


async def test_a_service_that_is_made_anew_has_events_of_its_own(shop: Shop) -> None:
    recorder, uids = recorder_of(shop), []
    for _ in range(2):
        service = parse(await shop.declare("again"))
        await recorder.record(service, "Told", "the same")
        await recorder.record(service, "Told", "the same")  # counted up, not written again
        await shop.client.delete(SHOP_SERVICE, shop.namespace, "again", uid=service.uid)
        uids.append(service.uid)
    events = (await shop.client.list(EVENT, shop.namespace, recent=True))["items"]
    assert sorted(event["regarding"]["uid"] for event in events) == sorted(uids)
