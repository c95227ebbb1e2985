"""Where apt finds a release of Debian: at the mirror that this machine uses for its own."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_FILES = ("etc/apt/sources.list.d/debian.sources", "etc/apt/sources.list")
_MIRROR = "http://deb.debian.org/debian"
_SECURITY = "http://deb.debian.org/debian-security"
_CODENAME = re.compile(r"^VERSION_CODENAME=(\w+)$", re.MULTILINE)
_DEBIAN = re.compile(r"^ID=debian$", re.MULTILINE)
# deb [options] URI suite components: sources.list(5), one-line style.
_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s")
_SIGNED_BY = re.compile(r"signed-by=(\S+)", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Source:
    """A suite at a mirror, and the file of the keys that sign it ("" for apt's own)."""

    uri: str
    suite: str
    signed_by: str = ""

    def line(self) -> str:
        """Return it as sources.list(5) has it."""
        options = f" [signed-by={self.signed_by}]" if self.signed_by else ""
        return f"deb{options} {self.uri} {self.suite} main"


def sources_of(suite: str, *, root: Path = Path("/")) -> str:
    """Return apt's sources of a release of Debian, one a line.

    The mirrors are those from which the machine below `root` has its own release, whichever that
    is; where it is no Debian, or its sources name none, Debian's own.
    """
    found = list(_of_this_machine(suite, root)) or [
        Source(uri=_MIRROR, suite=suite),
        Source(uri=_MIRROR, suite=f"{suite}-updates"),
        Source(uri=_SECURITY, suite=f"{suite}-security"),
    ]
    return "".join(f"{source.line()}\n" for source in found)


def _of_this_machine(suite: str, root: Path) -> Iterator[Source]:
    release = (root / "etc/os-release").read_text()
    codename = _CODENAME.search(release)
    if codename is None or not _DEBIAN.search(release):
        return
    own, *_ = codename.groups()
    for file in _FILES:
        path = root / file
        if not path.exists():
            continue
        read = _stanzas if path.suffix == ".sources" else _lines
        for source in read(path.read_text()):
            # Not what others publish for it, such as backports or a vendor's packages.
            if source.suite in (own, f"{own}-updates", f"{own}-security"):
                yield Source(
                    uri=source.uri,
                    suite=source.suite.replace(own, suite, 1),
                    signed_by=source.signed_by,
                )


def _lines(text: str) -> Iterator[Source]:
    for line in text.splitlines():
        if found := _LINE.match(line.strip()):
            signed = _SIGNED_BY.search(found["options"] or "")
            yield Source(
                uri=found["uri"], suite=found["suite"], signed_by=signed[1] if signed else ""
            )


def _stanzas(text: str) -> Iterator[Source]:
    """Yield from deb822 style; keys that are written in the file itself are left to apt's own."""
    for stanza in re.split(r"\n\s*\n", text):
        fields = _fields(stanza)
        if "deb" not in fields.get("types", "").split() or fields.get("enabled") == "no":
            continue
        signed = fields.get("signed-by", "")
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Source(
                    uri=uri, suite=suite, signed_by=signed if signed.startswith("/") else ""
                )


def _fields(stanza: str) -> Mapping[str, str]:
    lines = (line for line in stanza.splitlines() if line[:1] not in ("#", " ", "\t"))
    pairs = (line.partition(":") for line in lines if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
