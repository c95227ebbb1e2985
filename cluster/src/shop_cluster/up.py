"""Brings the embedded cluster up; run again, it repairs what is broken and changes nothing else."""

import fcntl
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from typing import TextIO

from shop_cluster import cgroups, images, network, packages, ports, preflight, probes, supervisor
from shop_cluster.api_programs import etcd, kube_apiserver
from shop_cluster.build import pause, shopkube
from shop_cluster.certificates import Authority
from shop_cluster.containerd import containerd
from shop_cluster.down import tear_down
from shop_cluster.errors import ClusterError
from shop_cluster.kubeconfig import write_kubeconfig
from shop_cluster.node_programs import (
    ADDRESSES,
    coredns,
    kube_controller_manager,
    kube_proxy,
    kube_scheduler,
    kubelet,
    provisioner,
)
from shop_cluster.places import Places
from shop_cluster.processes import pid_of
from shop_cluster.program import Program
from shop_cluster.progress import say
from shop_cluster.shell import run

_READY_SECONDS = 120


def up(places: Places, *, needed_disk: int = preflight.NEEDED_DISK) -> None:
    """Return when every part of the cluster is ready.

    ``needed_disk`` is in bytes. When a new cluster cannot be brought up, nothing of it is left
    but its logs.

    Raises:
        ClusterError: one line that says what to do.

    """
    preflight.check_user()
    preflight.check_machine(places, needed_disk=needed_disk)
    with only_one(places):
        new = not places.programs.exists()
        if new:
            preflight.check_ports()
        packages.install_missing()
        binary, pause_binary = shopkube(), pause()
        try:
            _start(places, binary)
            _apply_addons(places, binary)
            images.ensure_pause(places, pause_binary)
            _wait(places)
        except BaseException:
            if new:
                say("taking down what was started")
                tear_down(places)
            raise
    _link_tools(places, binary)


@contextmanager
def only_one(places: Places) -> Iterator[None]:
    """Let one `up` work on the cluster at a time; `down` ends the one that does."""
    signal.signal(signal.SIGTERM, _interrupted)
    file = places.state / "up.lock"
    with _locked(file) as lock:
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)
            if list(places.state.iterdir()) == [file]:
                # Refused before anything was begun: not even a folder stays.
                file.unlink()
                with suppress(OSError):  # a disk of its own is mounted there
                    places.state.rmdir()


def _locked(file: Path) -> TextIO:
    while True:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("a+")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise ClusterError("another `make cluster` is at work: wait for it") from None
        if file.exists() and os.path.samestat(file.stat(), os.fstat(lock.fileno())):
            return lock
        lock.close()  # its holder removed it just before it let go


def _interrupted(*_: object) -> None:
    raise ClusterError("interrupted by `make cluster-down`")


def _start(places: Places, binary: Path) -> None:
    for folder in (places.state, places.run, places.logs, places.pids):
        folder.mkdir(parents=True, exist_ok=True)
    network.remember_host(places)
    network.add_node_address()
    cgroups.create(places.cgroup)
    authority = Authority(places.pki)
    write_kubeconfig(
        places.kubeconfig,
        authority,
        server=ADDRESSES.server,
        user="admin",
        groups=("system:masters",),
    )
    kubelet_access = {
        "kubelet-client-certificate": authority.folder / "apiserver-etcd-client.crt",
        "kubelet-client-key": authority.folder / "apiserver-etcd-client.key",
        "kubelet-certificate-authority": authority.certificate,
        "kubelet-preferred-address-types": "InternalIP",
        "service-node-port-range": ports.NODE_PORTS,
    }
    core = [
        etcd(binary, places.state / "etcd", authority, ADDRESSES),
        containerd(places),
        kube_apiserver(binary, authority, ADDRESSES, kubelet_access),
    ]
    rest = [
        make(binary, places, authority)
        for make in (
            kube_controller_manager,
            kube_scheduler,
            kubelet,
            kube_proxy,
            coredns,
            provisioner,
        )
    ]
    if not places.programs.exists():
        # The others would only fail and back off until these answer.
        say("starting etcd, the API server and containerd")
        _supervise(places, core)
        _wait_core(places, authority)
    guard = Program(
        name="guard",
        command=(sys.executable, "-m", "shop_cluster.guard", str(places.state), str(places.run)),
    )
    say("starting the node")
    _supervise(places, [*core, *rest, guard])
    _wait_core(places, authority)


def _apply_addons(places: Places, binary: Path) -> None:
    """Give the API server what it does not bring itself; it may be starting again just now."""
    access = f"--kubeconfig={places.kubeconfig}"
    addons = str(files("shop_cluster") / "addons.yaml")
    deadline = time.monotonic() + _READY_SECONDS
    while True:
        try:
            run(str(binary), "kubectl", access, "apply", "--server-side", "-f", addons)
        except ClusterError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)
        else:
            return


def _supervise(places: Places, programs: Sequence[Program]) -> None:
    partial = places.programs.with_suffix(".partial")
    partial.write_text(json.dumps([asdict(program) for program in programs], indent=1))
    partial.rename(places.programs)
    running = pid_of(places, "supervisor")
    if running is None:
        supervisor.start(places)
    else:
        os.kill(running, signal.SIGHUP)


def _wait_core(places: Places, authority: Authority) -> None:
    """Wait for what everything else asks: etcd, the API server and containerd."""
    for probe in probes.probes(places, authority)[:3]:
        probes.wait(probe, places, seconds=_READY_SECONDS)


def _wait(places: Places) -> None:
    for probe in probes.probes(places, Authority(places.pki)):
        probes.wait(probe, places, seconds=_READY_SECONDS)
        say(f"{probe.name} ready")


def _link_tools(places: Places, binary: Path) -> None:
    """Offer kubectl where the machine has none."""
    tool = places.state / "bin" / "kubectl"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(f'#!/bin/sh\nexec {binary} kubectl "$@"\n')
    tool.chmod(0o755)
    if shutil.which("kubectl") is None:
        say(f"kubectl is {tool}")
