"""Keeps the cluster's programs running: `python -m shop_cluster.supervisor STATE RUN`.

It starts what does not run, and starts again what ends. Its own death harms nothing: the
programs go on, the guard (one of them) starts another supervisor, and that one adopts them.
SIGHUP makes it read its list again. Only the standard library is imported: it stays small.
"""

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from shop_cluster.paths import ClusterPaths
from shop_cluster.processes import MARK, command_line, kill, pid_of, wait_gone
from shop_cluster.program import Program

_FIRST_DELAY = 0.2
_LONGEST_DELAY = 5.0
# A program that ran this long had started well: its next restart is prompt again.
_SETTLED = 20.0
# The shell says its own pid before it becomes the program, so no supervisor's death can leave
# behind a program that no file names.
_ANNOUNCE = 'echo $$ >"$1.new" && mv "$1.new" "$1" && shift && exec "$@"'


@dataclass
class _Watched:
    program: Program
    pidfd: int | None = None
    started: float = 0.0
    delay: float = _FIRST_DELAY
    due: float = 0.0


class Supervisor:
    """The loop: start what is due, sleep until something ends or the list changes."""

    def __init__(self, paths: ClusterPaths) -> None:
        self._paths = paths
        self._watched: dict[str, _Watched] = {}
        self._wake, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGHUP, lambda *_: None)

    def run(self) -> None:
        """Run until the list of programs is taken away."""
        while self._read():
            for watched in self._watched.values():
                if watched.pidfd is None and watched.due <= time.monotonic():
                    self._start(watched)
            self._sleep()

    def _read(self) -> bool:
        try:
            listed = json.loads(self._paths.programs.read_text())
        except FileNotFoundError:
            return False
        programs = [Program(**{**each, "command": tuple(each["command"])}) for each in listed]
        for program in programs:
            known = self._watched.get(program.name)
            if known is None or known.program != program:
                self._replace(program)
        return True

    def _replace(self, program: Program) -> None:
        """Adopt the program when it runs just so, end it when it runs otherwise."""
        watched = self._watched[program.name] = _Watched(program)
        pid = pid_of(self._paths, program.name)
        if pid is None:
            return
        if command_line(pid) == program.command:
            self._watch(watched, pid)
        else:
            kill(pid, signal.SIGTERM)
            wait_gone([pid], seconds=10)

    def _start(self, watched: _Watched) -> None:
        program = watched.program
        announced = self._paths.pids / program.name
        with (self._paths.logs / f"{program.name}.log").open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - the list is ours
                ["/bin/sh", "-c", _ANNOUNCE, "sh", str(announced), *program.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **program.environment, MARK: str(self._paths.state)},
                start_new_session=True,
            )
        self._watch(watched, child.pid)

    def _watch(self, watched: _Watched, pid: int) -> None:
        try:
            watched.pidfd = os.pidfd_open(pid)
        except ProcessLookupError:
            watched.due = time.monotonic() + watched.delay
        watched.started = time.monotonic()

    def _sleep(self) -> None:
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        by_fd = {each.pidfd: each for each in self._watched.values() if each.pidfd is not None}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        waiting = [each.due for each in self._watched.values() if each.pidfd is None]
        timeout = max(0.0, min(waiting) - time.monotonic()) * 1000 + 1 if waiting else None
        for fd, _ in poll.poll(timeout):
            if fd == self._wake:
                os.read(self._wake, 512)
            else:
                self._ended(by_fd[fd])

    def _ended(self, watched: _Watched) -> None:
        if watched.pidfd is not None:
            os.close(watched.pidfd)
        watched.pidfd = None
        ran = time.monotonic() - watched.started
        watched.delay = _FIRST_DELAY if ran > _SETTLED else min(watched.delay * 2, _LONGEST_DELAY)
        watched.due = time.monotonic() + watched.delay
        _reap()
        _log(f"{watched.program.name} ended after {ran:.1f}s, again in {watched.delay:.1f}s")


def _reap() -> None:
    """Take the exit status of children that ended; adopted programs are init's children."""
    while True:
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return


def _log(text: str) -> None:
    sys.stderr.write(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} {text}\n")
    sys.stderr.flush()


def start(paths: ClusterPaths) -> None:
    """Start a supervisor in the background, as nobody's child; one more than needed just ends."""
    with (paths.logs / "supervisor.log").open("ab") as log:
        subprocess.run(  # noqa: S603 - ourselves
            [
                "/usr/bin/setsid",
                "--fork",
                sys.executable,
                "-m",
                "shop_cluster.supervisor",
                str(paths.state),
                str(paths.run),
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env={**os.environ, MARK: str(paths.state)},
            check=True,
        )


def main() -> None:
    """Supervise, unless another one does."""
    paths = ClusterPaths(state=Path(sys.argv[1]), run=Path(sys.argv[2]))
    with (paths.run / "supervisor.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        (paths.pids / "supervisor").write_text(str(os.getpid()))
        _log("supervisor started")
        Supervisor(paths).run()


if __name__ == "__main__":
    main()
