"""Keeps the cluster's programs running: `python -m shop_cluster.supervisor STATE RUN [standby]`.

It starts what does not run, and starts again what ends. Its own death harms nothing: the programs
go on, and its standby (one of them) adopts them and starts a standby of its own. There is one
supervisor, as it holds a lock on the state folder for as long as it lives, which the kernel gives
to nobody else; a standby is a supervisor that waits for the lock. SIGHUP makes it read its list
again. Only the standard library is imported: it stays small.
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
from shop_cluster.processes import MARK, command_line, detach, kill, pid_of, wait_gone
from shop_cluster.program import Program

STANDBY = "standby"
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 5.0
_END_SECONDS = 10.0
# A program that ran this long had started well: its next restart is prompt again.
_SETTLED = 20.0
# The shell says its own pid before it becomes the program, and holds the supervisor's lock until
# then: who takes over finds every program that was started.
_ANNOUNCE = 'echo $$ >"$1.new" && mv "$1.new" "$1" && shift && exec "$@" </dev/null'


@dataclass
class _Watched:
    program: Program
    pidfd: int | None = None
    started: float = 0.0
    delay: float = _FIRST_DELAY
    due: float = 0.0


class Supervisor:
    """The loop: start what is due, sleep until something ends or the list changes."""

    def __init__(self, paths: ClusterPaths, *, lock: int) -> None:
        self._paths = paths
        self._lock = lock
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
        for name in self._watched.keys() - {program.name for program in programs}:
            self._end(name)
        for program in programs:
            known = self._watched.get(program.name)
            if known is None or known.program != program:
                self._replace(program)
        return True

    def _replace(self, program: Program) -> None:
        """Adopt the program when it runs just so, end it when it runs otherwise."""
        pid = pid_of(self._paths, program.name)
        just_so = (program.command, self._announcing(program))
        if pid is not None and command_line(pid) not in just_so:
            self._end(program.name)
            pid = None
        watched = self._watched[program.name] = _Watched(program)
        if pid is not None:
            self._watch(watched, pid)

    def _end(self, name: str) -> None:
        """End a program that is no longer listed, or not with this command."""
        watched = self._watched.pop(name, None)
        if watched is not None and watched.pidfd is not None:
            os.close(watched.pidfd)
        pid = pid_of(self._paths, name)
        if pid is not None:
            kill(pid, signal.SIGTERM)
            wait_gone([pid], seconds=_END_SECONDS)
            _reap()

    def _start(self, watched: _Watched) -> None:
        program = watched.program
        with (self._paths.logs / f"{program.name}.log").open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - the list is ours
                self._announcing(program),
                stdin=self._lock,
                stdout=log,
                stderr=log,
                env={**os.environ, **program.environment, MARK: str(self._paths.state)},
                start_new_session=True,
            )
        self._watch(watched, child.pid)

    def _announcing(self, program: Program) -> tuple[str, ...]:
        """Return the command line that becomes the program's own."""
        announced = str(self._paths.pids / program.name)
        return ("/bin/sh", "-c", _ANNOUNCE, "sh", announced, *program.command)

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


def command(paths: ClusterPaths, *words: str) -> tuple[str, ...]:
    """Return the command line of a supervisor."""
    module = (sys.executable, "-m", "shop_cluster.supervisor")
    return (*module, str(paths.state), str(paths.run), *words)


def standby(paths: ClusterPaths) -> Program:
    """Return the program that takes over when the supervisor ends."""
    return Program(name=STANDBY, command=command(paths, STANDBY))


def start(paths: ClusterPaths) -> None:
    """Start a supervisor in the background, as nobody's child; one more than needed just ends."""
    log = paths.logs / "supervisor.log"
    detach(command(paths), log=log, environment={MARK: str(paths.state)})


def _lock(paths: ClusterPaths, *, wait: bool) -> int | None:
    """Lock the state folder for as long as this process lives; None if another has the lock.

    The folder itself, as a file in it could be removed, and made and locked once more.
    """
    folder = os.open(paths.state, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        is_current = os.path.samestat(os.fstat(folder), paths.state.stat())
    except (BlockingIOError, FileNotFoundError):  # the cluster was taken away meanwhile
        return None
    return folder if is_current else None


def main() -> None:
    """Supervise unless another one does; a standby waits for that one's end."""
    state, run, *words = sys.argv[1:]
    paths = ClusterPaths(state=Path(state), run=Path(run))
    lock = _lock(paths, wait=STANDBY in words)
    if lock is None:
        return
    if pid_of(paths, STANDBY) == os.getpid():
        (paths.pids / STANDBY).unlink()
    (paths.pids / "supervisor").write_text(str(os.getpid()))
    _log("supervisor started")
    Supervisor(paths, lock=lock).run()


if __name__ == "__main__":
    main()
