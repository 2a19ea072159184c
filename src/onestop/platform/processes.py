"""Servers as child processes: started in a session of their own, found again by pid and start time, stopped whole.

A pid file alone proves nothing, because pids are used again; with the start time it does. Each server leads
a session, which its workers and their tasks cannot leave by changing their process group, so that stopping
a server also stops what it started, and nothing else.
"""

from __future__ import annotations

import contextlib
import fcntl
import getpass
import hashlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from onestop.errors import OnestopError, WarehouseUnavailable

_SAME_START_SECONDS = 1.0


@dataclass(frozen=True)
class Service:
    """One server of the platform: `<run>/<name>.json` says who it is, `<log>` has its output."""

    name: str
    run: Path
    log: Path

    @property
    def pid(self) -> int | None:
        """The process id while the server runs, else None."""
        known = self._known()
        return known[0] if known and _alive(*known) else None

    @property
    def running(self) -> bool:
        """Whether this very process, not another with its id, is alive."""
        return self.pid is not None

    def start(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start the server in a session of its own; nothing happens if it runs already.

        Raises:
            WarehouseUnavailable: the program cannot be started.
        """
        if self.running:
            return
        stop([self], grace_seconds=1)  # what an earlier, crashed server left behind
        self.run.mkdir(parents=True, exist_ok=True)
        self.log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with self.log.open("wb") as log:
                child = subprocess.Popen(
                    list(command),
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        except OSError as problem:
            raise WarehouseUnavailable(f"{self.name} cannot be started: {problem}") from problem
        started = _start_time(child.pid) or time.time()
        part = self._file.with_suffix(".part")
        part.write_text(json.dumps({"pid": child.pid, "started": started}), encoding="ascii")
        part.replace(self._file)

    def log_tail(self, lines: int = 15) -> str:
        """The last lines of the server's output."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "(no output)"
        return "\n".join(text.splitlines()[-lines:]) or "(no output)"

    def memory_bytes(self) -> int:
        """Resident memory of the server and all that it started, in bytes; 0 when it does not run."""
        total = 0
        for process in self.members():
            with contextlib.suppress(psutil.Error):
                total += process.memory_info().rss
        return total

    def members(self) -> list[psutil.Process]:
        """The living processes of the server's session: itself and what it started; also after it died alone."""
        known = self._known()
        return _session(*known) if known else []

    def forget(self) -> None:
        """Remove the note of who the server is, once it is gone."""
        self._file.unlink(missing_ok=True)

    @property
    def _file(self) -> Path:
        return self.run / f"{self.name}.json"

    def _known(self) -> tuple[int, float] | None:
        try:
            content = json.loads(self._file.read_text(encoding="ascii"))
            return int(content["pid"]), float(content["started"])
        except (OSError, ValueError, KeyError, TypeError):
            return None


def stop(services: Sequence[Service], grace_seconds: float = 20) -> None:
    """Ask servers and all that they started to end, together; after `grace_seconds` make them.

    Raises:
        WarehouseUnavailable: one of them is another user's.
    """
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        members = [process for service in services for process in service.members()]
        for process in members:
            with contextlib.suppress(psutil.Error):
                process.send_signal(number)  # psutil looks at the start time once more
        psutil.wait_procs(members, timeout=seconds)
    for service in services:
        if left := service.members():
            pids = ", ".join(str(process.pid) for process in left)
            raise WarehouseUnavailable(
                f"{service.name} cannot be stopped (process {pids})", next_step="stop it as the user who started it"
            )
        service.forget()


def wait_until(
    ready: Callable[[], bool],
    services: Sequence[Service],
    *,
    what: str,
    timeout_seconds: float,
    every_seconds: float = 0.3,
) -> None:
    """Poll until `ready`, as long as all services live.

    Raises:
        WarehouseUnavailable: a service died, or the time is up; the message has the end of its log.
    """
    deadline = time.monotonic() + timeout_seconds
    while not ready():
        for service in services:
            if not service.running:
                raise WarehouseUnavailable(
                    f"{service.name} ended while {what} was starting; its last lines:\n{service.log_tail()}",
                    next_step=f"mend what they name, then start again; the whole output is in {service.log}",
                )
        if time.monotonic() > deadline:
            logs = ", ".join(str(s.log) for s in services)
            raise WarehouseUnavailable(
                f"{what} was not ready after {timeout_seconds:.0f} seconds", next_step=f"read {logs}, then start again"
            )
        time.sleep(0.3)


@contextlib.contextmanager
def alone(lock: Path, what: str) -> Iterator[None]:
    """Let one process at a time start, change or stop `what`.

    Raises:
        OnestopError: another one does; it says who.
    """
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a+", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            held.seek(0)
            raise OnestopError(
                f"{what} is being started, changed or stopped by {held.read().strip() or 'another command'}",
                next_step="wait for that command to end",
            ) from None
        held.truncate(0)
        held.write(f"{getpass.getuser()} (process {os.getpid()}, since {time.strftime('%H:%M:%S')})\n")
        held.flush()
        yield


def port_is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1:port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def port_to_keep(folder: Path) -> int:
    """A port of 127.0.0.1 that nobody uses now, for a server that keeps it.

    It lies below the range that systems lend to outgoing connections, so that it stays free while the server is
    down, and where the search starts depends on the folder, so that neighbours rarely want the same one.

    Raises:
        WarehouseUnavailable: none is free.
    """
    first, count = 17432, 1000
    start = int.from_bytes(hashlib.sha256(str(folder).encode()).digest()[:4], "big")
    for i in range(count):
        port = first + (start + i) % count
        if port_is_free(port):
            return port
    raise WarehouseUnavailable(
        f"no port from {first} to {first + count - 1} of 127.0.0.1 is free", next_step="end what listens on them"
    )


def _start_time(pid: int) -> float | None:
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def _alive(pid: int, started: float) -> bool:
    found = _start_time(pid)
    return found is not None and abs(found - started) < _SAME_START_SECONDS


def _session(leader: int, started: float) -> list[psutil.Process]:
    """The living members of the session that `leader` began; its id is not given away while one lives."""
    found = _start_time(leader)
    if found is not None and abs(found - started) >= _SAME_START_SECONDS:
        return []  # the id belongs to somebody else by now, so no member can be left
    members = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            ours = os.getsid(process.pid) == leader and process.create_time() >= started - _SAME_START_SECONDS
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members
