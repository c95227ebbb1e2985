"""The entry of a development image: serves a service, and serves it anew on SIGHUP.

`make dev` copies what is saved to `/tmp/live`, which is in front of the installed code, and sends
the signal. The libraries are loaded once, by this process; it forks one that loads the service's
own code and serves, so that a change is served in a fraction of the time that a start takes.
Of ours it imports nothing: what it serves is loaded by the process that serves it.
"""

import os
import shutil
import signal
import sys
import time
from importlib import import_module
from importlib.metadata import EntryPoint, distributions
from pathlib import Path

INSTALLED = Path("/own")
LIVE = Path("/tmp/live")  # noqa: S108 - the pod's own, and all it may write to
_SIGNALS = {signal.SIGHUP, signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
_GRACE_SECONDS = 15.0
_RETRY_SECONDS = 5.0
"""After which a service that ended by itself is started again, as Kubernetes would."""


def main(
    arguments: list[str] | None = None, *, installed: Path = INSTALLED, live: Path = LIVE
) -> None:
    """Serve until SIGTERM; do any other word of the service's command line as deployed."""
    words = sys.argv[1:] if arguments is None else arguments
    if words not in ([], ["serve"]):
        os.execvp("service", ["service", *words])  # noqa: S606, S607 - the image's own
    packages = {each.name for each in installed.glob("shop_*")}
    _copy(installed, live, packages)
    sys.path.insert(0, str(live))
    _Reloader(_command(installed), loaded=live.with_name(f"{live.name}.modules")).run()


def _command(installed: Path) -> EntryPoint:
    """Return the service's command: what its image has beside libraries is one."""
    [found] = (
        each
        for distribution in distributions(path=[str(installed)])
        for each in distribution.entry_points
        if each.group == "console_scripts" and each.name.startswith("shop-")
    )
    return found


def _copy(installed: Path, live: Path, packages: set[str]) -> None:
    """Copy the code, unless it is there: a container that was started again has newer."""
    if not live.exists():
        partial = live.with_name(f"{live.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        for name in packages:
            # With the files' times, by which Python knows that what it compiled is still right.
            shutil.copytree(installed / name, partial / name)
        partial.rename(live)


class _Reloader:
    """The process that is forked from, and the one that serves."""

    def __init__(self, command: EntryPoint, *, loaded: Path) -> None:
        self._command = command
        self._loaded = loaded
        self._warm = False
        self._child: int | None = None

    def run(self) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self._start()
        while True:
            # Until the libraries are loaded, look whether the first process has said which.
            wait = 0.2 if not self._warm else _RETRY_SECONDS if self._child is None else 3600.0
            found = signal.sigtimedwait(_SIGNALS, wait)
            number = found.si_signo if found else None
            if number in {signal.SIGTERM, signal.SIGINT}:
                self._stop()
                return
            if number == signal.SIGHUP:
                self._say("restarting")
                self._stop()
                self._start()
            elif number == signal.SIGCHLD:
                self._reap()
            elif not self._warm and self._loaded.exists():
                self._load_libraries()
            elif self._child is None and number is None:
                self._start()

    def _start(self) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._child = os.fork()
        if self._child == 0:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
            self._serve()

    def _serve(self) -> None:
        run = self._command.load()
        if not self._loaded.exists():
            names = [name for name in sys.modules if not name.startswith(("shop_", "__m"))]
            partial = self._loaded.with_suffix(".partial")
            partial.write_text("\n".join(names))
            partial.rename(self._loaded)
        sys.argv = ["service", "serve"]
        sys.exit(run())

    def _load_libraries(self) -> None:
        for name in self._loaded.read_text().split():
            try:
                import_module(name)
            except ImportError as error:  # another's private module: it is loaded when needed
                self._say(f"{name} is not loaded beforehand: {error}")
        self._warm = True
        self._say("the next change is served without loading the libraries")

    def _stop(self) -> None:
        """End the process that serves: it finishes its requests, within the grace time."""
        if self._child is None:
            return
        os.kill(self._child, signal.SIGTERM)
        deadline = time.monotonic() + _GRACE_SECONDS
        while self._child is not None:
            if time.monotonic() > deadline:
                os.kill(self._child, signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, 0.1)
            self._reap()

    def _reap(self) -> None:
        """Take note of processes that ended, also of those that were left to this one."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._child:
                self._child = None
                code = os.waitstatus_to_exitcode(status)
                self._say(f"the service ended ({code})")

    def _say(self, news: str) -> None:
        sys.stderr.write(f"reloader: {news}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    main()
