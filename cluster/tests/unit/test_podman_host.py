"""Which of netavark's rules go with our podman, and which are somebody else's."""

import os
from pathlib import Path

import pytest

from shop_cluster import network
from shop_cluster.podman_host import removed

IDLE = """\
*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:NETAVARK-HOSTPORT-DNAT - [0:0]
:NETAVARK-HOSTPORT-SETMARK - [0:0]
-A PREROUTING -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -j NETAVARK-HOSTPORT-DNAT
-A OUTPUT -m addrtype --dst-type LOCAL -j NETAVARK-HOSTPORT-DNAT
-A NETAVARK-HOSTPORT-SETMARK -j MARK --set-xmark 0x2000/0x2000
COMMIT
*filter
:FORWARD ACCEPT [0:0]
:NETAVARK_FORWARD - [0:0]
-A FORWARD -m comment --comment "netavark firewall plugin rules" -j NETAVARK_FORWARD
COMMIT
"""
OF_A_NETWORK = ":NETAVARK-1D8721804F16F - [0:0]"


def test_idle_chains_go_with_what_leads_to_them() -> None:
    assert "".join(removed(IDLE.splitlines(), kept=())) == (
        "*nat\n"
        "-D PREROUTING -m addrtype --dst-type LOCAL -j NETAVARK-HOSTPORT-DNAT\n"
        "-D OUTPUT -m addrtype --dst-type LOCAL -j NETAVARK-HOSTPORT-DNAT\n"
        "-F NETAVARK-HOSTPORT-DNAT\n"
        "-F NETAVARK-HOSTPORT-SETMARK\n"
        "-X NETAVARK-HOSTPORT-DNAT\n"
        "-X NETAVARK-HOSTPORT-SETMARK\n"
        "COMMIT\n"
        "*filter\n"
        '-D FORWARD -m comment --comment "netavark firewall plugin rules" -j NETAVARK_FORWARD\n'
        "-F NETAVARK_FORWARD\n"
        "-X NETAVARK_FORWARD\n"
        "COMMIT\n"
    )


def test_what_another_podman_uses_stays() -> None:
    used = IDLE.replace("*nat\n", f"*nat\n{OF_A_NETWORK}\n").splitlines()
    assert not list(removed(used, kept=()))


def test_what_was_there_before_stays() -> None:
    chains = ("NETAVARK-HOSTPORT-DNAT", "NETAVARK-HOSTPORT-SETMARK", "NETAVARK_FORWARD")
    assert not list(removed(IDLE.splitlines(), kept=chains))


def record(folder: Path, name: str, value: str) -> Path:
    file = folder / name
    file.write_text(f'{{"sysctls": {{"a/setting": "{value}"}}, "tables": []}}')
    return file


def test_settings_are_what_they_were_before_both_clusters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setting = tmp_path / "setting"
    setting.write_text("changed")
    monkeypatch.setattr(network, "sysctl", lambda name: setting)
    first, second = record(tmp_path, "first", "before"), record(tmp_path, "second", "changed")
    later = first.stat().st_mtime + 10
    os.utime(second, (later, later))
    network.restore_settings(first, second)
    assert setting.read_text() == "changed"
    first.unlink()
    network.restore_settings(second, first)
    assert setting.read_text() == "before"
