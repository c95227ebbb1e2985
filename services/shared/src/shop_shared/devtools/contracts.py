"""Writes each service's event contracts, and checks that they are current and break nobody.

    python -m shop_shared.devtools.contracts                       writes them (`make contracts`)
    python -m shop_shared.devtools.contracts --check               fails where a file is stale
    python -m shop_shared.devtools.contracts --breaking origin/main
                                                          fails where a schema breaks its readers

`services/<name>/asyncapi.json` says all a service publishes and hears;
`services/<name>/schemas/<type>.json` is the JSON Schema of one event type it publishes.
"""

import argparse
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import orjson

from shop_shared.devtools.schema_changes import breaking_changes
from shop_shared.messaging.asyncapi import definitions

SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m shop_shared.devtools.contracts", description=__doc__
    )
    parser.add_argument("--services", type=Path, default=Path("services"))
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="change nothing, fail on stale files")
    mode.add_argument("--breaking", metavar="REF", help="compare with the schemas at this git ref")
    options = parser.parse_args(arguments)
    if options.breaking:
        if not _is_commit(options.breaking):
            parser.error(f"{options.breaking}: git knows no such commit")
        problems = list(_breaking(options.services, options.breaking))
    else:
        problems = list(_generate(options.services, check=options.check))
    for problem in problems:
        sys.stderr.write(problem + "\n")
    return 1 if problems else 0


def files_of(document: dict[str, Any]) -> dict[str, bytes]:
    """Return a service's contract files, by path in its folder, from its AsyncAPI document."""
    files = {"asyncapi.json": _json(document)} if document["channels"] else {}
    sent = {
        reference["$ref"].rsplit("/", 1)[1]
        for operation in document["operations"].values()
        if operation["action"] == "send"
        for reference in operation["messages"]
    }
    for type_ in sent:
        payload = document["components"]["messages"][type_]["payload"]
        schema = _json({"$schema": SCHEMA_DIALECT, "$id": type_, **payload})
        files[f"schemas/{type_}.json"] = schema.replace(definitions(type_).encode(), b"#/$defs/")
    return files


def _generate(services: Path, *, check: bool) -> Iterator[str]:
    found = sorted(_commands(services))
    with ThreadPoolExecutor(max_workers=2) as pool:
        documents = list(pool.map(_asyncapi, [command for _, command in found]))
    for (folder, command), document in zip(found, documents, strict=True):
        if document is None:
            yield f"{command.name} asyncapi: failed, see above"
            continue
        wanted = files_of(document)
        present = {
            str(file.relative_to(folder))
            for file in [folder / "asyncapi.json", *folder.glob("schemas/*.json")]
            if file.exists()
        }
        for path in sorted(present - wanted.keys()):
            if check:
                yield f"{folder / path}: no longer published; run `make contracts`"
            else:
                (folder / path).unlink()
        for path, content in sorted(wanted.items()):
            file = folder / path
            if file.exists() and file.read_bytes() == content:
                continue
            if check:
                yield f"{file}: stale; run `make contracts`"
            else:
                file.parent.mkdir(exist_ok=True)
                file.write_bytes(content)


def _breaking(services: Path, ref: str) -> Iterator[str]:
    listed = _git("ls-tree", "-r", "--name-only", ref, "--", str(services)).decode().splitlines()
    for name in listed:
        path = Path(name)
        if path.parent.name != "schemas" or path.suffix != ".json":
            continue
        if not path.exists():
            yield f"{name}: is gone; readers of {path.stem} are not"
            continue
        old = orjson.loads(_git("show", f"{ref}:{name}"))
        for change in breaking_changes(old, orjson.loads(path.read_bytes())):
            yield f"{name}: {change}; publish it as a new type"


def _commands(services: Path) -> Iterator[tuple[Path, Path]]:
    """Find the services' commands (shop-<name>), installed beside this Python."""
    for project in services.glob("*/pyproject.toml"):
        scripts = tomllib.loads(project.read_text())["project"].get("scripts", {})
        command = Path(sys.executable).parent / f"shop-{project.parent.name}"
        if command.name in scripts:
            yield project.parent, command


def _asyncapi(command: Path) -> dict[str, Any] | None:
    answer = subprocess.run([command, "asyncapi"], check=False, stdout=subprocess.PIPE)  # noqa: S603 - our own
    if answer.returncode:
        return None
    document: dict[str, Any] = orjson.loads(answer.stdout)
    return document


def _is_commit(ref: str) -> bool:
    asked = ["git", "rev-parse", "--quiet", "--verify", "--end-of-options", f"{ref}^{{commit}}"]
    done = subprocess.run(asked, check=False, stdout=subprocess.DEVNULL)  # noqa: S603 - fixed words
    return done.returncode == 0


def _git(*arguments: str) -> bytes:
    answer = subprocess.run(["git", *arguments], check=True, stdout=subprocess.PIPE)  # noqa: S603, S607 - fixed words
    return answer.stdout


def _json(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n"


if __name__ == "__main__":
    raise SystemExit(main())
