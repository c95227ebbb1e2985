"""Pictures of things, drawn by code: a shape a kind, a colour a product, under a kilobyte each."""

from collections.abc import Callable
from string import Template

_FRAME = Template(
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 200" role="img">'
    '<rect width="200" height="200" fill="$ground"/>'
    '<ellipse cx="100" cy="172" rx="58" ry="7" fill="#000" opacity=".12"/>'
    '<g stroke="$line" stroke-width="4" stroke-linejoin="round" stroke-linecap="round">'
    "$shape</g></svg>"
)


def _mug(fill: str) -> str:
    return (
        f'<path d="M132 78h16c26 0 26 52-8 52h-10" fill="none"/>'
        f'<path d="M52 58h80v92c0 12-8 20-20 20H72c-12 0-20-8-20-20z" fill="{fill}"/>'
        '<path d="M76 40c-8-10 8-12 0-22M104 40c-8-10 8-12 0-22" fill="none" opacity=".5"/>'
    )


def _lamp(fill: str) -> str:
    return (
        f'<path d="M70 34h60l24 62H46z" fill="{fill}"/>'
        '<path d="M100 96v66" fill="none"/><path d="M66 170h68l-10-12H76z" fill="#fff"/>'
        '<circle cx="100" cy="104" r="9" fill="#ffe08a"/>'
    )


def _book(fill: str) -> str:
    return (
        f'<path d="M54 36h84c8 0 10 4 10 10v122H64c-8 0-10-6-10-12z" fill="{fill}"/>'
        '<path d="M54 156c0-8 4-12 10-12h84" fill="none"/>'
        '<path d="M78 66h46M78 82h32" fill="none" stroke="#fff"/>'
    )


def _chair(fill: str) -> str:
    return (
        f'<path d="M64 30h62c6 0 10 4 9 10l-6 62H62l-6-62c-1-6 2-10 8-10z" fill="{fill}"/>'
        f'<path d="M52 102h96v16H52z" fill="{fill}"/>'
        '<path d="M62 118l-8 52M138 118l8 52M84 118v30M116 118v30" fill="none"/>'
    )


def _backpack(fill: str) -> str:
    return (
        '<path d="M80 44c0-28 40-28 40 0" fill="none"/>'
        f'<path d="M56 82c0-56 88-56 88 0v76c0 8-5 12-12 12H68c-7 0-12-4-12-12z" fill="{fill}"/>'
        '<path d="M72 118h56v38H72z" fill="#fff" fill-opacity=".35"/>'
        '<path d="M72 132h56M78 82h44" fill="none"/>'
    )


def _bottle(fill: str) -> str:
    return (
        '<path d="M86 24h28v20H86z" fill="#fff"/>'
        f'<path d="M86 44h28c2 22 16 24 16 44v70c0 8-4 12-12 12H82c-8 0-12-4-12-12V88'
        f'c0-20 14-22 16-44z" fill="{fill}"/>'
        '<path d="M70 104h60v34H70z" fill="#fff" fill-opacity=".6"/>'
    )


def _headphones(fill: str) -> str:
    return (
        '<path d="M46 116c0-96 108-96 108 0" fill="none"/>'
        f'<rect x="36" y="106" width="30" height="54" rx="12" fill="{fill}"/>'
        f'<rect x="134" y="106" width="30" height="54" rx="12" fill="{fill}"/>'
    )


def _plant(fill: str) -> str:
    return (
        '<path d="M100 116c-4-40-34-40-44-66 30 0 44 22 44 46 0-34 12-58 40-66 0 40-26 52-40 86z"'
        ' fill="#5aa469"/>'
        f'<path d="M62 112h76l-10 58H72z" fill="{fill}"/><path d="M56 112h88" fill="none"/>'
    )


def _blanket(fill: str) -> str:
    return (
        f'<path d="M40 60c20-14 40 14 60 0s40 14 60 0v88c-20 14-40-14-60 0s-40-14-60 0z"'
        f' fill="{fill}"/>'
        '<path d="M40 88c20-14 40 14 60 0s40 14 60 0M40 118c20-14 40 14 60 0s40 14 60 0"'
        ' fill="none" stroke="#fff" opacity=".7"/>'
    )


def _shirt(fill: str) -> str:
    return (
        f'<path d="M76 34c10 14 38 14 48 0l36 18-14 38-18-8v88H72V82l-18 8-14-38z" fill="{fill}"/>'
        '<path d="M76 34c10 22 38 22 48 0" fill="none"/>'
    )


def _clock(fill: str) -> str:
    return (
        f'<circle cx="100" cy="102" r="66" fill="{fill}"/><circle cx="100" cy="102" r="50"'
        ' fill="#fff"/><path d="M100 68v34l22 16" fill="none"/>'
        '<path d="M100 56v6M146 102h-6M100 148v-6M54 102h6" fill="none"/>'
    )


def _teapot(fill: str) -> str:
    return (
        '<path d="M142 92c34-14 34 44-8 50" fill="none"/>'
        f'<path d="M62 96L34 74l-8 14 34 44z" fill="{fill}"/>'
        f'<path d="M56 110c0-40 92-40 92 0 0 40-14 60-46 60s-46-20-46-60z" fill="{fill}"/>'
        f'<path d="M72 82c6-18 54-18 60 0z" fill="{fill}"/><circle cx="102" cy="60" r="7"'
        ' fill="#fff"/>'
    )


SHAPES: dict[str, Callable[[str], str]] = {
    "mug": _mug,
    "lamp": _lamp,
    "notebook": _book,
    "chair": _chair,
    "backpack": _backpack,
    "bottle": _bottle,
    "headphones": _headphones,
    "plant": _plant,
    "blanket": _blanket,
    "shirt": _shirt,
    "clock": _clock,
    "teapot": _teapot,
}


def draw(kind: str, *, fill: str, ground: str, line: str = "#33302c") -> str:
    """Return the SVG of a thing: colours as CSS writes them."""
    return _FRAME.substitute(ground=ground, line=line, shape=SHAPES[kind](fill))
