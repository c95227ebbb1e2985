import pytest

from shop_shared.devtools.settings_tables import BEGIN, END, table, with_table

ROWS = [
    {"name": "PORT", "required": False, "default": 8000, "description": "Where"},
    {"name": "REDIS_URL", "required": True, "default": None, "description": "Which"},
    {"name": "OTLP", "required": False, "default": None, "description": "None: no traces"},
]


def test_a_row_has_its_name_default_and_meaning() -> None:
    lines = table(ROWS).splitlines()[2:]
    assert lines == [
        "| `PORT` | `8000` | Where |",
        "| `REDIS_URL` | required | Which |",
        "| `OTLP` | - | None: no traces |",
    ]


def test_the_table_is_replaced_and_the_rest_stays() -> None:
    page = f"# order\n{BEGIN}\nold\n{END}\nend\n"
    assert with_table(page, "new") == f"# order\n{BEGIN}\nnew\n{END}\nend\n"
    assert with_table(with_table(page, "new"), "new") == with_table(page, "new")
    with pytest.raises(ValueError, match="without"):
        with_table(BEGIN, "new")
