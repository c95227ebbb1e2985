"""Which messages one gets: what is wrong is told at its field."""

import pytest

from contract.browser import Browser

QUIET = {"quiet": "on", "start": "22:00", "end": "06:30", "timezone": "Asia/Jakarta"}


@pytest.mark.parametrize(
    ("field", "typed"), [("timezone", "Europe/Atlantis"), ("start", ""), ("end", "25:00")]
)
def test_quiet_hours_that_are_none_are_told_at_their_field(
    customer: Browser, field: str, typed: str
) -> None:
    customer.get("/account/messages")
    page = customer.post("/account/messages", **{**QUIET, field: typed})
    assert page.status_code == 422
    assert page.text.count('aria-invalid="true"') == 1
    tied = page.text.partition(f'name="{field}"')[2].partition(">")[0]
    assert f'aria-describedby="{field}-said"' in tied
    assert f'<p id="{field}-said" class="error">' in page.text
