"""What is not True is measured, with its reason, while it is so and the service is there."""

from prometheus_client import REGISTRY

from shop_operator.conditions.unmet import UnmetConditions
from shop_operator.spec import Key

from .test_parsed_services import body, informer

KEY = Key("shop", "measured")


def measured() -> dict[tuple[str, str], float]:
    return {
        (sample.labels["type"], sample.labels["reason"]): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.name == "shop_operator_condition_unmet" and sample.labels["service"] == KEY.name
    }


def conditions(*found: tuple[str, str, str]) -> dict[str, object]:
    return {
        "status": {
            "conditions": [
                {"type": kind, "status": status, "reason": reason} for kind, status, reason in found
            ]
        }
    }


def test_a_condition_is_measured_while_it_is_not_true() -> None:
    shop = informer()
    services = {"shop": shop}
    unmet = UnmetConditions(services)
    unmet.look(KEY)
    assert measured() == {}
    shop.observe_write(body(KEY.name, 1))  # without a status
    unmet.look(KEY)
    assert measured() == {}
    waits = conditions(("Ready", "False", "VaultSealed"), ("Synced", "True", "AsDeclared"))
    shop.observe_write(body(KEY.name, 2, **waits))
    unmet.look(KEY)
    assert measured() == {("Ready", "VaultSealed"): 1}
    unmet.look(KEY)
    assert measured() == {("Ready", "VaultSealed"): 1}
    shop.observe_write(body(KEY.name, 3, **conditions(("Ready", "Unknown", "Paused"))))
    unmet.look(KEY)
    assert measured() == {("Ready", "Paused"): 1}
    del services["shop"]  # as of a namespace that is no longer kept
    unmet.look(KEY)
    assert measured() == {}


def test_one_that_is_met_again_is_forgotten() -> None:
    shop = informer()
    unmet = UnmetConditions({"shop": shop})
    shop.observe_write(body(KEY.name, 1, **conditions(("Ready", "False", "Progressing"))))
    unmet.look(KEY)
    assert measured() == {("Ready", "Progressing"): 1}
    shop.observe_write(body(KEY.name, 2, **conditions(("Ready", "True", "AllReady"))))
    unmet.look(KEY)
    assert measured() == {}
