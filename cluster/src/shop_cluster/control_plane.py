"""A real etcd and a real API server for tests: no kubelet, no root, free ports, one folder."""

import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from shop_cluster.api_programs import ApiAddresses, etcd, kube_apiserver
from shop_cluster.build import shopkube
from shop_cluster.certificates import Authority
from shop_cluster.errors import ClusterError
from shop_cluster.kubeconfig import write_kubeconfig
from shop_cluster.program import Program

_START_SECONDS = 60
_STOP_SECONDS = 10


class Server:
    """A process that a test may kill, freeze and start again."""

    def __init__(self, program: Program, log: Path, ready: Callable[[], bool]) -> None:
        self.program = program
        self.log = log
        self._ready = ready
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; raises ClusterError when it does not run."""
        return self._running().pid

    def start(self) -> None:
        """Start and wait until it answers."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own command line
                self.program.command, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        self.wait_ready()

    def wait_ready(self) -> None:
        """Wait until it answers; raises ClusterError with the log's last line when it does not."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready():
            if self._running().poll() is not None or time.monotonic() > deadline:
                raise ClusterError(f"{self.program.name} does not answer: {self._last_line()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """End it without notice (SIGKILL)."""
        process = self._running()
        process.kill()
        process.wait()

    def freeze(self) -> None:
        """Stop it without closing its connections (SIGSTOP): the network partition of the poor."""
        self._running().send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen one go on (SIGCONT)."""
        self._running().send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it in good order, or by SIGKILL when it takes too long."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def restart(self) -> None:
        """Kill it, start it anew on the same ports and data, wait until it answers."""
        self.kill()
        self.start()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ClusterError(f"{self.program.name} was never started")
        return self._process

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "its log is empty"


@dataclass(frozen=True, kw_only=True)
class ControlPlane:
    """A running API server and how to reach it."""

    kubeconfig: Path
    server: str
    authority: Authority
    binary: Path
    etcd: Server
    api_server: Server

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Run kubectl as administrator and return what it printed.

        Raises:
            subprocess.CalledProcessError: kubectl failed; ``stderr`` says why.

        """
        command = [str(self.binary), "kubectl", f"--kubeconfig={self.kubeconfig}", *words]
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, check=True)  # noqa: S603 - our own binary
        return done.stdout

    def access(self, user: str, *, groups: tuple[str, ...] = ()) -> Path:
        """Return a kubeconfig for another user, to see what RBAC lets it do."""
        path = self.kubeconfig.with_name(f"kubeconfig-{user.replace(':', '-')}")
        return write_kubeconfig(path, self.authority, server=self.server, user=user, groups=groups)


@contextmanager
def control_plane(
    folder: Path,
    *,
    crds: Iterable[Path] = (),
    api_server_flags: Mapping[str, object] | None = None,
) -> Iterator[ControlPlane]:
    """Run etcd and an API server until the block ends; nothing of it stays but logs.

    A test kills, freezes and restarts them: ``plane.api_server.restart()``.

    ``folder`` holds data, keys and logs. ``crds`` are files or folders of
    CustomResourceDefinitions, installed and established before the block begins.
    ``api_server_flags`` are added to the API server's own, by name without dashes.

    Raises:
        ClusterError: a server does not come up; its log's last line is in the message.

    """
    binary = shopkube()
    authority = Authority(folder / "pki")
    ports = _free_ports(3)
    addresses = ApiAddresses(
        host="127.0.0.1", api_port=ports[0], etcd_port=ports[1], etcd_peer_port=ports[2]
    )
    kubeconfig = write_kubeconfig(
        folder / "kubeconfig",
        authority,
        server=addresses.server,
        user="admin",
        groups=("system:masters",),
    )
    data = folder / "etcd"
    store = Server(
        etcd(binary, data, authority, addresses),
        folder / "etcd.log",
        _answers(f"https://127.0.0.1:{addresses.etcd_port}/health", authority),
    )
    api_server = Server(
        kube_apiserver(binary, authority, addresses, api_server_flags),
        folder / "kube-apiserver.log",
        _answers(f"{addresses.server}/readyz", authority),
    )
    plane = ControlPlane(
        kubeconfig=kubeconfig,
        server=addresses.server,
        authority=authority,
        binary=binary,
        etcd=store,
        api_server=api_server,
    )
    try:
        store.start()
        api_server.start()
        for path in crds:
            plane.kubectl("apply", "--server-side", "-f", str(path))
            plane.kubectl("wait", "--for=condition=Established", "-f", str(path))
        yield plane
    finally:
        api_server.stop()
        store.stop()
        shutil.rmtree(data, ignore_errors=True)


def _answers(url: str, authority: Authority) -> Callable[[], bool]:
    certificate, key = authority.issue("client-admin", user="admin", groups=("system:masters",))
    context = ssl.create_default_context(cafile=authority.certificate)
    context.load_cert_chain(certificate, key)

    def ready() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2, context=context) as answer:  # noqa: S310 - https
                return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's OK
        except (urllib.error.URLError, OSError):
            return False

    return ready


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
