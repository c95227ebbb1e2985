"""The sources of another release, derived from a machine's own."""

from pathlib import Path

import pytest

from shop_cluster.apt_sources import sources_of

DEBIAN = 'NAME="Debian GNU/Linux"\nVERSION_CODENAME=bookworm\nID=debian\n'
STANZAS = """\
# A comment: with a colon
Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates bookworm-backports
Components: main contrib
Signed-By: /usr/share/keyrings/mirror.gpg

Types: deb
URIs: http://mirror.example/security
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://old.example/debian
Suites: bookworm
Components: main

Types: deb
URIs: http://vendor.example/apt
Suites: vendor-bookworm
Components: main
"""
KEYS = "/usr/share/keyrings/mirror.gpg"
LINES = """\
deb http://mirror.example/debian bookworm main
#deb http://off.example/debian bookworm main
deb-src http://mirror.example/debian bookworm main
deb [arch=amd64 signed-by=/etc/keys.gpg] http://mirror.example/security bookworm-security main
deb http://vendor.example/apt vendor-bookworm main
"""


def machine(folder: Path, file: str, text: str, *, release: str = DEBIAN) -> Path:
    """Lay out a machine's /etc with one file of sources."""
    path = folder / "etc" / "apt" / file
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (folder / "etc" / "os-release").write_text(release)
    return folder


def test_stanzas(tmp_path: Path) -> None:
    root = machine(tmp_path, "sources.list.d/debian.sources", STANZAS)
    assert sources_of("trixie", root=root).splitlines() == [
        f"deb [signed-by={KEYS}] http://mirror.example/debian trixie main",
        f"deb [signed-by={KEYS}] http://mirror.example/debian trixie-updates main",
        "deb http://mirror.example/security trixie-security main",
    ]


def test_lines(tmp_path: Path) -> None:
    root = machine(tmp_path, "sources.list", LINES)
    assert sources_of("trixie", root=root).splitlines() == [
        "deb http://mirror.example/debian trixie main",
        "deb [signed-by=/etc/keys.gpg] http://mirror.example/security trixie-security main",
    ]


def test_the_same_release_stays_as_it_is(tmp_path: Path) -> None:
    release = DEBIAN.replace("bookworm", "trixie")
    text = "deb http://mirror.example/debian trixie main contrib\n"
    root = machine(tmp_path, "sources.list", text, release=release)
    assert sources_of("trixie", root=root) == "deb http://mirror.example/debian trixie main\n"


@pytest.mark.parametrize(
    "release", ["ID=ubuntu\nID_LIKE=debian\nVERSION_CODENAME=noble\n", "ID=fedora\n", DEBIAN]
)
def test_elsewhere_it_is_debian_s_own_mirror(tmp_path: Path, release: str) -> None:
    text = "deb http://other.example/ubuntu noble main\n"
    root = machine(tmp_path, "sources.list", text, release=release)
    assert [line.split()[1:3] for line in sources_of("trixie", root=root).splitlines()] == [
        ["http://deb.debian.org/debian", "trixie"],
        ["http://deb.debian.org/debian", "trixie-updates"],
        ["http://deb.debian.org/debian-security", "trixie-security"],
    ]
