"""`kubectl shop status` says what the newest status says, and why a service is not ready."""

import pytest

from shop_operator.cli.status import ready, tree


@pytest.mark.parametrize(("seen", "told"), [(3, "True"), (2, "Unknown"), (None, "Unknown")])
def test_a_condition_of_an_older_spec_says_nothing(seen: int | None, told: str) -> None:
    condition = {"type": "Ready", "status": "True", "observedGeneration": seen}
    body = {"metadata": {"generation": 3}, "status": {"conditions": [condition]}}
    assert ready(body) == told
    assert ready({"metadata": {"generation": 1}}) == "Unknown"


def test_why_it_is_not_ready_is_shown_where_no_part_says_so() -> None:
    waits = {"type": "Ready", "status": "False", "reason": "Releasing", "message": "it waits"}
    metadata = {"name": "a", "namespace": "shop", "generation": 1}
    status = {"observedGeneration": 1, "conditions": [waits | {"observedGeneration": 1}]}
    body = {"metadata": metadata, "spec": {}, "status": status}
    assert list(tree(body)) == ["✘ a  0/0 pods", "  ✘ Ready: Releasing — it waits"]
    synced = {"type": "Synced", "status": "True", "reason": "AsDeclared", "message": "as declared"}
    status["conditions"] = [*status["conditions"], synced]  # type: ignore[misc]
    assert list(tree(body))[1:] == ["  ✔ Synced: AsDeclared — as declared"]
