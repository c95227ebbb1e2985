"""What a program of the cluster is: a name and a command line."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Program:
    """A process to keep running.

    ``environment`` is added to the supervisor's own.
    """

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)


def shopkube_program(
    binary: Path, name: str, flags: dict[str, object], *, environment: dict[str, str] | None = None
) -> Program:
    """Return one of shopkube's programs with its flags; a list is joined by commas."""
    words = [f"--{flag}={_text(value)}" for flag, value in flags.items()]
    return Program(name=name, command=(str(binary), name, *words), environment=environment or {})


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return ",".join(str(item) for item in value)
    return str(value)
