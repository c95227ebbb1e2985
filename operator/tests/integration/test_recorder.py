"""Events, as the API server takes them."""

from functools import partial

from shop_operator.api.cache import Cache
from shop_operator.api.write_gate import WriteGate
from shop_operator.recorder import EventRecorder
from shop_operator.spec import parse

from .outside import has_event
from .shop import Shop, eventually


async def test_a_note_in_any_language_is_cut_to_what_is_taken(shop: Shop) -> None:
    service = parse(await shop.declare("told"))
    gate = WriteGate(Cache(shop.client, shop.platform, lambda *_: None), may_write=lambda: True)
    recorder = EventRecorder(shop.client, gate, identity="test")
    await recorder.record(service, "Told", "データベースに接続できません。" * 90)
    await eventually(partial(has_event, shop, "Told", note="データベース"))
