"""Brings the embedded cluster up; run again, it repairs what is broken and changes nothing else."""

import fcntl
import json
import os
import shutil
import signal
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
from shop_cluster.paths import ClusterPaths
from shop_cluster.processes import command_line, kill, pid_of, wait_gone
from shop_cluster.program import Program
from shop_cluster.progress import say
from shop_cluster.shell import run

_READY_SECONDS = 120


def up(paths: ClusterPaths, *, needed_disk: int = preflight.NEEDED_DISK) -> None:
    """Return when every part of the cluster is ready.

    ``needed_disk`` is in bytes. When a new cluster cannot be brought up, nothing of it is left
    but its logs.

    Raises:
        ClusterError: one line that says what to do.

    """
    preflight.check_user()
    preflight.check_machine(paths, needed_disk=needed_disk)
    with only_one(paths):
        new = not paths.programs.exists()
        if new:
            preflight.check_ports()
        packages.install_missing()
        binary, pause_binary = shopkube(), pause()
        try:
            _start(paths, binary)
            _apply_addons(paths, binary)
            images.ensure_pause(paths, pause_binary)
            _wait(paths)
        except BaseException:
            if new:
                say("taking down what was started")
                tear_down(paths)
            raise
    _link_tools(paths, binary)


@contextmanager
def only_one(paths: ClusterPaths) -> Iterator[None]:
    """Let one `up` work on the cluster at a time; `down` ends the one that does."""
    signal.signal(signal.SIGTERM, _interrupted)
    file = paths.state / "up.lock"
    with _locked(file) as lock:
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield
        finally:
            lock.truncate(0)
            if list(paths.state.iterdir()) == [file]:
                # Refused before anything was begun: not even a folder stays.
                file.unlink()
                with suppress(OSError):  # a disk of its own is mounted there
                    paths.state.rmdir()


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


def _start(paths: ClusterPaths, binary: Path) -> None:
    for folder in (paths.state, paths.run, paths.logs, paths.pids):
        folder.mkdir(parents=True, exist_ok=True)
    network.remember_host(paths)
    network.add_node_address()
    cgroups.create(paths.cgroup)
    authority = Authority(paths.pki)
    write_kubeconfig(
        paths.kubeconfig,
        authority,
        server=ADDRESSES.server,
        user="admin",
        groups=("system:masters",),
    )
    certificate, key = authority.issue("apiserver-etcd-client", user="kube-apiserver")
    kubelet_access = {
        "kubelet-client-certificate": certificate,
        "kubelet-client-key": key,
        "kubelet-certificate-authority": authority.certificate,
        "kubelet-preferred-address-types": "InternalIP",
        "service-node-port-range": ports.NODE_PORTS,
    }
    core = [
        etcd(binary, paths.state / "etcd", authority, ADDRESSES),
        containerd(paths),
        kube_apiserver(binary, authority, ADDRESSES, kubelet_access),
    ]
    rest = [
        make(binary, paths, authority)
        for make in (
            kube_controller_manager,
            kube_scheduler,
            kubelet,
            kube_proxy,
            coredns,
            provisioner,
        )
    ]
    if not paths.programs.exists():
        # The others would only fail and back off until these answer.
        say("starting etcd, the API server and containerd")
        _supervise(paths, core)
        _wait_core(paths, authority)
    say("starting the node")
    _supervise(paths, [*core, *rest, supervisor.standby(paths)])
    _wait_core(paths, authority)


def _apply_addons(paths: ClusterPaths, binary: Path) -> None:
    """Give the API server what it does not bring itself; it may be starting again just now."""
    access = f"--kubeconfig={paths.kubeconfig}"
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


def _supervise(paths: ClusterPaths, programs: Sequence[Program]) -> None:
    partial = paths.programs.with_suffix(".partial")
    partial.write_text(json.dumps([asdict(program) for program in programs], indent=1))
    partial.rename(paths.programs)
    _end_predecessor(paths)
    running = pid_of(paths, "supervisor")
    if running is None:
        supervisor.start(paths)
    else:
        os.kill(running, signal.SIGHUP)
    _wait_replaced(paths, programs)


def _wait_replaced(paths: ClusterPaths, programs: Sequence[Program]) -> None:
    """Wait until none runs as it was before: it would answer, and then be gone."""
    deadline = time.monotonic() + _READY_SECONDS
    for program in programs:
        while True:
            pid = pid_of(paths, program.name)
            if pid is not None and command_line(pid) == program.command:
                break
            if time.monotonic() > deadline:
                raise ClusterError(f"{program.name} doesn't run: see {paths.logs}")
            time.sleep(0.05)


def _end_predecessor(paths: ClusterPaths) -> None:
    """End the supervisor of the version before, whose lock was another and which had a guard."""
    if pid_of(paths, "guard") is not None:
        for name in ("guard", "supervisor"):
            pid = pid_of(paths, name)
            if pid is not None:
                kill(pid, signal.SIGKILL)
                wait_gone([pid], seconds=_READY_SECONDS)


def _wait_core(paths: ClusterPaths, authority: Authority) -> None:
    """Wait for what everything else asks: etcd, the API server and containerd."""
    for probe in probes.probes(paths, authority)[:3]:
        probes.wait(probe, paths, seconds=_READY_SECONDS)


def _wait(paths: ClusterPaths) -> None:
    for probe in probes.probes(paths, Authority(paths.pki)):
        probes.wait(probe, paths, seconds=_READY_SECONDS)
        say(f"{probe.name} ready")


def _link_tools(paths: ClusterPaths, binary: Path) -> None:
    """Offer kubectl where the machine has none."""
    tool = paths.state / "bin" / "kubectl"
    tool.parent.mkdir(exist_ok=True)
    tool.write_text(f'#!/bin/sh\nexec {binary} kubectl "$@"\n')
    tool.chmod(0o755)
    if shutil.which("kubectl") is None:
        say(f"kubectl is {tool}")
