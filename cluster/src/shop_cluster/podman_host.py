"""What podman changes on the machine beyond its own folders, and how that is given back."""

import json
import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from shop_cluster import cgroups, network
from shop_cluster.down import unmount
from shop_cluster.paths import ClusterPaths
from shop_cluster.podman import PodmanPaths
from shop_cluster.shell import run

_CGROUP = "libpod_parent"
"""What podman puts its containers below, in every control group hierarchy."""
_ADDRESSES = Path("/run/containers/networks/ipam.db")
"""Which addresses containers have, of every podman's networks: the path is fixed in podman."""
# netavark's chains: some that it makes once and leaves, and some of a network that is in use.
_CHAIN = re.compile(r"NETAVARK[-_]\S+")
_IN_USE = re.compile(r"NETAVARK-(DN-)?[0-9A-F]{13}")


def remember(paths: PodmanPaths) -> None:
    """Write down, once, what `restore` has to bring back."""
    record = _record(paths.state)
    if not record.exists():
        paths.state.mkdir(parents=True, exist_ok=True)
        chains = {command: sorted(_chains(_saved(command))) for command in network.TABLES}
        record.write_text(
            json.dumps(
                {
                    "sysctls": network.settings(),
                    "tables": network.nft_tables(),
                    "chains": chains,
                    "addresses": _ADDRESSES.exists(),
                }
            )
        )


def restore(paths: PodmanPaths) -> None:
    """Remove our podman's networks, mounts, rules and folders, and restore the settings.

    Its containers are gone. Another podman's rules stay, and so does what it shares with ours
    while it uses that. Raises ClusterError.
    """
    podman = paths.program("podman")
    if Path(podman).exists():
        # "podman" is its own, which is no file and cannot be removed.
        for name in set(run(podman, "network", "ls", "--format={{.Name}}").split()) - {"podman"}:
            run(podman, "network", "rm", name)
    unmount(ClusterPaths(state=paths.state, run=paths.run))
    record = _record(paths.state)
    if record.exists():
        _restore_rules(record)
        network.restore_settings(record, _record(ClusterPaths.of_this_machine().state))
    cgroups.remove_unused(_CGROUP)
    for folder in (paths.run, paths.state):
        if folder.exists():
            shutil.rmtree(folder)


def _restore_rules(record: Path) -> None:
    before = json.loads(record.read_text())
    used = False
    for command in network.TABLES:
        saved = _saved(command)
        used = used or is_used(saved)
        removal = "".join(removed(saved, kept=before["chains"][command]))
        if removal:
            run(f"{command}-restore", "--noflush", stdin=removal)
    if not (used or before["addresses"]):
        _ADDRESSES.unlink(missing_ok=True)
    network.remove_new_tables(before["tables"])


def is_used(saved: Sequence[str]) -> bool:
    """Tell from what iptables-save says whether a network of netavark's is in use."""
    return any(_IN_USE.search(line) for line in saved)


def removed(saved: Sequence[str], *, kept: Collection[str]) -> Iterator[str]:
    """Yield what `iptables-restore --noflush` is to be told to remove netavark's idle chains.

    ``saved`` is what iptables-save says, ``kept`` the chains that were there before ours. None is
    removed while a network uses them: it is another podman's.
    """
    if is_used(saved):
        return
    for table, lines in _tables(saved):
        chains = sorted(_chains(lines) - set(kept))
        if not chains:
            continue
        yield f"*{table}\n"
        for line in lines:
            if re.match(r"-A (?!NETAVARK)", line) and line.split()[-1] in chains:
                yield f"-D{line.removeprefix('-A')}\n"
        yield from (f"-F {chain}\n" for chain in chains)
        yield from (f"-X {chain}\n" for chain in chains)
        yield "COMMIT\n"


def _tables(saved: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each table's name with its lines."""
    name, lines = "", list[str]()
    for line in saved:
        if line.startswith("*"):
            name, lines = line[1:], []
        elif line == "COMMIT":
            yield name, lines
        else:
            lines.append(line)


def _chains(saved: Sequence[str]) -> set[str]:
    names = (line[1:].split()[0] for line in saved if line.startswith(":"))
    return {name for name in names if _CHAIN.fullmatch(name)}


def _saved(command: str) -> list[str]:
    return run(f"{command}-save").splitlines()


def _record(state: Path) -> Path:
    return state / "host.json"
