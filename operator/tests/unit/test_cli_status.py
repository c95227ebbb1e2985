"""`kubectl shop status` believes a condition only if it speaks of the newest spec."""

import pytest

from shop_operator.cli.status import ready


@pytest.mark.parametrize(("seen", "told"), [(3, "True"), (2, "Unknown"), (None, "Unknown")])
def test_a_condition_of_an_older_spec_says_nothing(seen: int | None, told: str) -> None:
    condition = {"type": "Ready", "status": "True", "observedGeneration": seen}
    body = {"metadata": {"generation": 3}, "status": {"conditions": [condition]}}
    assert ready(body) == told
    assert ready({"metadata": {"generation": 1}}) == "Unknown"
