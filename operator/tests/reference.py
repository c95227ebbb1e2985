"""Writes what is generated in docs/shopservice.md and docs/operator.md.

`make docs-operator` runs it; a test fails when either page is stale.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from shop_operator.settings import Settings

ROOT = Path(__file__).parents[2]
MARK = "<!-- generated from here on by `make docs-operator` -->"


def main() -> None:
    """Write both pages."""
    for path, generated in pages().items():
        path.write_text(written(path.read_text(), generated))


def pages() -> dict[Path, str]:
    """Return each page with what is generated in it."""
    docs = ROOT / "docs"
    return {docs / "shopservice.md": "\n".join(_reference()), docs / "operator.md": _settings()}


def written(page: str, generated: str) -> str:
    """Return the page with its generated part replaced."""
    return f"{page.partition(MARK)[0]}{MARK}\n{generated}"


def _reference() -> Iterator[str]:
    crd = yaml.safe_load((ROOT / "crds" / "shopservice.yaml").read_text())
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
    for part in ("spec", "status"):
        yield f"\n## Reference: `{part}`\n"
        yield "| field | type | what it is |"
        yield "|---|---|---|"
        yield from _rows(schema[part], part)
    yield "\n## Rules that the API server checks\n"
    yield from sorted({f"- {message}" for message in _rules(crd)})
    yield ""


def _rows(schema: dict[str, Any], path: str) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        at = f"{path}.{name}"
        notes = [field.get("description", "")]
        if name in required:
            notes.append("Required.")
        if field.get("default") not in (None, {}):
            notes.append(f"Default `{json.dumps(field['default'])}`.")
        text = " ".join(notes).replace("|", r"\|").replace("<", "&lt;")
        yield f"| `{at}` | {_type(field)} | {text} |"
        yield from _rows(field, at)
        yield from _rows(field.get("items", {}), f"{at}[]")


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return " \\| ".join(f"`{value}`" for value in field["enum"])
    if field.get("x-kubernetes-int-or-string"):
        return "integer or string"
    if field.get("type") == "array":
        return f"list of {field['items'].get('type', 'object')}s"
    if "additionalProperties" in field:
        return "map"
    signs = {"minimum": "≥", "maximum": "≤"}
    bounds = [f"{sign} {field[key]}" for key, sign in signs.items() if key in field]
    return " ".join([str(field.get("type", "object")), *bounds])


def _rules(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for rule in schema.get("x-kubernetes-validations", ()):
            yield rule["message"]
        for value in schema.values():
            yield from _rules(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _rules(value)


def _settings() -> str:
    rows = ["\n## Settings\n", "| variable | default | what it is |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = json.dumps(field.default)
        rows.append(f"| `MINISHOP_{name.upper()}` | `{default}` | {field.description} |")
    return "\n".join([*rows, ""])


if __name__ == "__main__":
    main()
