"""Products, made up: the number alone decides what a product is."""

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from shop_product.seed.drawings import draw

Json = dict[str, Any]

RUPIAH_A_DOLLAR = 16_000
"""For the price in IDR; its minor unit is a hundredth too (ISO 4217)."""


@dataclass(frozen=True)
class Kind:
    """A sort of thing: where it stands, what it may cost (US cents), what is said of it."""

    name: str
    noun: str
    category: str
    cents: tuple[int, int]
    sizes: tuple[str, ...]
    materials: tuple[str, ...]
    words: str


KINDS = (
    Kind(
        "mug", "mug", "kitchen", (900, 2600), ("250 ml", "350 ml", "450 ml"),
        ("stoneware", "porcelain", "enamel"), "Holds heat, and does not tip over.",
    ),
    Kind(
        "teapot", "teapot", "kitchen", (2900, 8900), ("0.6 l", "1 l", "1.5 l"),
        ("cast-iron", "porcelain", "glass"), "Pours without a drop on the table.",
    ),
    Kind(
        "bottle", "bottle", "kitchen", (1400, 3900), ("0.5 l", "0.75 l", "1 l"),
        ("steel", "glass", "copper"), "Cold for a day, hot for half of one.",
    ),
    Kind(
        "lamp", "lamp", "lighting", (3900, 18900), ("desk", "bedside", "floor"),
        ("linen", "brass", "paper"), "Warm light, with a switch where the hand is.",
    ),
    Kind(
        "clock", "wall clock", "living", (2400, 9900), ("25 cm", "30 cm", "40 cm"),
        ("oak", "steel", "walnut"), "Runs without a tick.",
    ),
    Kind(
        "chair", "chair", "furniture", (7900, 39900), ("low", "standard", "counter"),
        ("beech", "oak", "ash"), "Carries more than it looks.",
    ),
    Kind(
        "plant", "potted plant", "garden", (1200, 6900), ("small", "medium", "large"),
        ("terracotta", "concrete", "ceramic"), "Forgives a week without water.",
    ),
    Kind(
        "blanket", "blanket", "bedroom", (3900, 15900), ("130 x 170", "150 x 200", "220 x 240"),
        ("wool", "cotton", "alpaca"), "Heavy enough, and not too warm.",
    ),
    Kind(
        "backpack", "backpack", "travel", (4900, 17900), ("12 l", "20 l", "28 l"),
        ("canvas", "waxed-cotton", "recycled-nylon"), "Opens wide, and stands by itself.",
    ),
    Kind(
        "headphones", "headphones", "electronics", (5900, 34900), ("on-ear", "over-ear", "studio"),
        ("aluminium", "walnut", "bioplastic"), "Thirty hours on a charge, and easy to repair.",
    ),
    Kind(
        "notebook", "notebook", "stationery", (600, 2900), ("A6", "A5", "A4"),
        ("linen", "leather", "cork"), "Lies flat from the first page.",
    ),
    Kind(
        "shirt", "shirt", "clothing", (1900, 7900), ("S", "M", "L"),
        ("cotton", "hemp", "merino"), "Keeps its shape after the fiftieth wash.",
    ),
)  # fmt: skip
COLOURS = (
    ("Red", "#c8553d"), ("Blue", "#3d6fb6"), ("Green", "#4f8f6a"), ("Yellow", "#e3b23c"),
    ("Black", "#3b3b40"), ("Sand", "#d3bfa0"), ("Violet", "#7d5ba6"), ("Teal", "#2a8c8c"),
    ("Rose", "#d98a94"), ("Grey", "#8d9399"), ("Orange", "#df7f3b"), ("Mint", "#9accb5"),
)  # fmt: skip
GROUNDS = ("#f4efe6", "#e9eff2", "#f2ecef", "#eef1e7")
BRANDS = ("Claywork", "Northlight", "Fjordline", "Hand & Stone", "Oakfold", "Paperboat", "Lumen")


def product(number: int) -> Json:
    """Return product ``number`` (from 0) as a line of the bulk import."""
    random = Random(number)  # noqa: S311 - a catalogue, no secret
    kind = KINDS[number % len(KINDS)]
    colour, fill = COLOURS[number // len(KINDS) % len(COLOURS)]
    size, material = random.choice(kind.sizes), random.choice(kind.materials)
    low, high = kind.cents
    cents = random.randrange(low, high, 100) + 99 - 100
    brand = random.choice(BRANDS)
    return {
        "sku": f"{kind.name.upper()}-{number:06d}",
        "name": f"{colour} {material.replace('-', ' ')} {kind.noun}, {size}",
        "description": f"{brand}'s {kind.noun} of {material.replace('-', ' ')}. {kind.words}",
        "category": kind.category,
        "brand": brand,
        "tags": [kind.name, colour.lower(), material],
        "price": {"amount": cents, "currency": "USD"},
        "other_prices": [{"amount": cents * RUPIAH_A_DOLLAR, "currency": "IDR"}],
        "attributes": {"colour": colour.lower(), "material": material, "size": size},
        "image_svg": draw(kind.name, fill=fill, ground=random.choice(GROUNDS)),
        "initial_stock": random.randrange(20, 500),
        "low_stock_threshold": 5,
    }


def products(count: int, *, start: int = 0) -> Iterator[Json]:
    """Yield ``count`` products from number ``start`` on."""
    return map(product, range(start, start + count))
