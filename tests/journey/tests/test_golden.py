"""What `make up` ends with."""

from rich.console import Console
from shop_journey import golden


def test_it_ends_by_naming_the_addresses_and_a_login_of_the_staff() -> None:
    console = Console(record=True, width=200)
    golden._links(console, "http://127.0.0.1:8080")
    said = console.export_text()
    for wanted in (
        "http://127.0.0.1:8088/\n",
        "http://127.0.0.1:8088/staff ",
        "admin@minishop.dev / development-only",
        "http://127.0.0.1:8080/docs",
    ):
        assert wanted in said
