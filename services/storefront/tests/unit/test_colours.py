"""Colours: text stands out from what is behind it, by day and by night (WCAG 1.4.3: 4.5 to 1)."""

import re

import pytest

from shop_storefront.rendering import STATIC

CSS = (STATIC / "shop.css").read_text()
DAY, NIGHT = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", block))
    for block in re.findall(r":root \{([^}]*--text[^}]*)\}", CSS)
)


def luminance(colour: str) -> float:
    """Return a colour's relative luminance (WCAG 2.2, "relative luminance")."""
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(text: str, ground: str) -> float:
    lighter, darker = sorted((luminance(text), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("colours", [DAY, NIGHT], ids=["by day", "by night"])
def test_text_stands_out(colours: dict[str, str]) -> None:
    for text in ("text", "quiet", "accent", "bad", "good"):
        for ground in ("ground", "soft"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    assert contrast(colours["on-accent"], colours["accent"]) >= 4.5


def test_what_a_field_suggests_is_in_one_of_these_colours() -> None:
    """A browser's own grey is too dark by night."""
    assert re.search(r"::placeholder \{ color: var\(--quiet\); opacity: 1; \}", CSS)
    assert contrast("#757575", NIGHT["ground"]) < 4.5
