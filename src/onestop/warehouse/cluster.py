"""One data folder of PostgreSQL: made by initdb, configured, launched and shut down; and what may be wrong with it.

Layout of `home`, which the server's account owns: `onestop.json` (the mark that the folder is ours), `data`,
and, where needed, `postgresql-<version>` (a copy of the programs) and `logs`.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from onestop.errors import ConfigurationError, WarehouseUnavailable
from onestop.warehouse.accounts import Account
from onestop.warehouse.binaries import Binaries
from onestop.warehouse.local_state import write_private
from onestop.warehouse.server_faults import COMPLAINT, FATAL, explain

SUPERUSER = "postgres"
MARK = "onestop.json"
START_SECONDS = 300  # crash recovery replays at most max_wal_size, minutes on a slow disk
STOP_SECONDS = 120
ORPHAN_SECONDS = 20  # how long processes of a killed server may take to notice
LOG_SECONDS = 2  # how long the writer of the log may be behind a server that failed

# For a laptop that also runs Airflow. Durable: fsync stays on. Errors are logged without the rows that caused
# them (terse, no statement), since rows may hold what must not be in a log.
_SETTINGS = """\
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 100
password_encryption = 'scram-sha-256'
shared_buffers = '256MB'
work_mem = '64MB'
maintenance_work_mem = '256MB'
effective_cache_size = '1GB'
wal_level = 'minimal'
max_wal_senders = 0
max_wal_size = '2GB'
checkpoint_timeout = '15min'
checkpoint_completion_target = 0.9
fsync = on
random_page_cost = 1.1
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = on
log_filename = 'postgresql-%a.log'
log_rotation_age = '1d'
log_rotation_size = 0
log_truncate_on_rotation = on
log_file_mode = 0600
log_line_prefix = '%m [%p] %u@%d '
log_error_verbosity = 'terse'
log_min_error_statement = 'panic'
"""
_ACCESS = """\
# Over loopback, with a password; nobody else.
host all all 127.0.0.1/32 scram-sha-256
"""


@dataclass(frozen=True)
class Server:
    """A running server: its process and where it listens."""

    pid: int
    port: int
    accepts: bool


@dataclass(frozen=True)
class Cluster:
    """A data folder, the account that owns it and the programs of its version."""

    home: Path
    logs: Path
    account: Account

    @property
    def data(self) -> Path:
        """PostgreSQL's own folder (PGDATA)."""
        return self.home / "data"

    @property
    def exists(self) -> bool:
        """Whether initdb has been through."""
        return self.data.exists()

    def server(self) -> Server | None:
        """The server that runs on this data folder, or None; a pid that another program has now counts as none."""
        lines = self._pid_file()
        if lines is None or not _serves(int(lines[0]), self.data):
            return None
        port = int(lines[3]) if len(lines) > 3 and lines[3].strip().isdigit() else 0
        return Server(int(lines[0]), port, len(lines) > 7 and lines[7].strip() == "ready")

    def settled_server(self) -> Server | None:
        """The server, once it has finished starting or stopping, if it is at that now; None if none runs then.

        Raises:
            WarehouseUnavailable: it is still at it after five minutes.
        """
        deadline = time.monotonic() + START_SECONDS
        while (server := self.server()) and not server.accepts:
            if time.monotonic() > deadline:
                raise WarehouseUnavailable(
                    f"PostgreSQL (pid {server.pid}) has been starting or stopping for {START_SECONDS} s",
                    next_step=f"wait for it; its log is in {self.logs}",
                )
            time.sleep(0.1)
        return server

    def create(self, binaries: Binaries, password: str) -> None:
        """Make the data folder with initdb; complete or not at all.

        Raises:
            WarehouseUnavailable: initdb failed; the message carries what it said.
        """
        unfinished, password_file = self.home / "data.unfinished", self.home / "password"
        shutil.rmtree(unfinished, ignore_errors=True)
        self.write(password_file, password + "\n")
        try:
            done = self.account.run(
                [
                    *(binaries.program("initdb"), "-D", unfinished, "-U", SUPERUSER, "--pwfile", password_file),
                    *("--auth=scram-sha-256", "--encoding=UTF8", "--data-checksums", "--no-instructions"),
                    *_locale(binaries.major),
                ],
                folder=self.home,
            )
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise explain(done.stdout + done.stderr, f"a new database could not be made in {self.home}")
        self.write(unfinished / "pg_hba.conf", _ACCESS)
        settings = unfinished / "postgresql.conf"
        self.write(settings, settings.read_text("utf-8") + "\ninclude = 'onestop.conf'  # written anew at each start\n")
        unfinished.rename(self.data)

    def version(self) -> str | None:
        """The major version that made the data folder; None if it is no data folder."""
        try:
            return (self.data / "PG_VERSION").read_text("ascii").strip()
        except FileNotFoundError:
            return None

    def require_version(self, binaries: Binaries) -> None:
        """Refuse a data folder of another major version.

        Raises:
            ConfigurationError: the programs cannot read it, or it is no data folder.
        """
        major = self.version()
        if major is None:
            raise ConfigurationError(
                f"{self.data} is not a PostgreSQL data folder (no PG_VERSION). Nothing was changed",
                next_step="put the folder back as it was, or remove it all with 'make clean' and load again",
            )
        if major != str(binaries.major):
            raise ConfigurationError(
                f"{self.data} was made by PostgreSQL {major}, and this is {binaries.version}. Nothing was changed",
                next_step=f"dump it with the pg_dump of a PostgreSQL {major}, or 'make clean' and load again",
            )

    def launch(self, binaries: Binaries, port: int) -> None:
        """Start the server on 127.0.0.1:port and wait until it accepts connections, through crash recovery if need be.

        Raises:
            WarehouseUnavailable: it did not start; the message says why.
        """
        self._write_settings(port)
        self._drop_misleading_pid_file()
        log = self.logs / "start.log"
        deadline = time.monotonic() + ORPHAN_SECONDS
        while True:
            self.write(log, "")
            before = {file: file.stat().st_size for file in self.logs.glob("*.log")}
            done = self.account.run(
                [
                    *(binaries.program("pg_ctl"), "start", "--wait", "--silent"),
                    *("--timeout", str(START_SECONDS), "--pgdata", self.data, "--log", log),
                ],
                folder=self.home,
            )
            if done.returncode == 0:
                return
            said = self._reason_since(before) + done.stderr
            # A server killed outright leaves processes that need a moment to notice; PostgreSQL rightly waits for them.
            if "pre-existing shared memory block" not in said or time.monotonic() > deadline:
                raise explain(said, f"PostgreSQL did not start on 127.0.0.1:{port}", f"its log is in {self.logs}")
            time.sleep(0.25)

    def _reason_since(self, before: dict[Path, int]) -> str:
        """What the logs say of a failed start. Their writer is a process of its own, which may be a moment behind."""
        deadline = time.monotonic() + LOG_SECONDS
        while not FATAL.search(said := self._said_since(before)) and time.monotonic() < deadline:
            time.sleep(0.05)
        return said

    def shut_down(self, server: Server) -> None:
        """Fast shutdown: open transactions are rolled back, data written out; returns when the process is gone.

        Raises:
            WarehouseUnavailable: the server is another user's, or still busy after two minutes.
        """
        try:
            os.kill(server.pid, signal.SIGINT)
        except ProcessLookupError:
            return
        except PermissionError:
            raise WarehouseUnavailable(
                f"PostgreSQL (pid {server.pid}) runs as {self.account.name}; you may not stop it",
                next_step=f"stop it as {self.account.name} or as root",
            ) from None
        deadline = time.monotonic() + STOP_SECONDS
        while _serves(server.pid, self.data):
            if time.monotonic() > deadline:
                raise WarehouseUnavailable(
                    f"PostgreSQL (pid {server.pid}) is still shutting down after {STOP_SECONDS} s",
                    next_step=f"wait for it; its log is in {self.logs}",
                )
            time.sleep(0.05)

    def mark(self, local: Path) -> None:
        """Write down that `home` is ours, and which `.local` it belongs to."""
        self.write(self.home / MARK, json.dumps({"made_by": "onestop", "local": str(local)}, indent=1) + "\n")

    def marked_for(self) -> Path | None:
        """The `.local` that `home` belongs to; None if the folder does not bear our mark."""
        try:
            content = json.loads((self.home / MARK).read_text("utf-8"))
            return Path(content["local"]) if content["made_by"] == "onestop" else None
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def write(self, file: Path, text: str) -> None:
        """Write a file that only the server's account may read; whole or not at all."""
        write_private(file, text)
        self.account.give(file)

    def _write_settings(self, port: int) -> None:
        # Containers often have a small /dev/shm, which a parallel query then finds "full": use files instead.
        shm = os.statvfs("/dev/shm") if Path("/dev/shm").is_dir() else None  # noqa: S108
        small = shm is not None and shm.f_frsize * shm.f_blocks < 2**29
        memory = "dynamic_shared_memory_type = 'mmap'\n" if small else ""
        folder = str(self.logs).replace("'", "''")
        self.write(self.data / "onestop.conf", f"{_SETTINGS}{memory}port = {port}\nlog_directory = '{folder}'\n")

    def _pid_file(self) -> list[str] | None:
        try:
            lines = (self.data / "postmaster.pid").read_text("utf-8").splitlines()
        except FileNotFoundError:
            return None
        return lines if lines and lines[0].strip().lstrip("-").isdigit() else None

    def _drop_misleading_pid_file(self) -> None:
        """Remove a stale pid file whose number now belongs to something else.

        PostgreSQL copes by itself when no process has the number; it refuses when one has, though it is an unreaped
        corpse (usual in containers) or another program (usual after a restart of the machine). That no process of
        an old server is left, it still checks by the shared memory tied to the data folder.
        """
        lines = self._pid_file()
        if lines is not None and psutil.pid_exists(abs(int(lines[0]))):
            (self.data / "postmaster.pid").unlink()

    def _said_since(self, before: dict[Path, int]) -> str:
        """The complaints that the server added to its logs, given the sizes that they had."""
        said = []
        for file in sorted(self.logs.glob("*.log")):
            text = file.read_bytes()
            old = before.get(file, 0)
            new = text[old:] if len(text) >= old else text
            said += [x for x in new.decode("utf-8", "replace").splitlines() if COMPLAINT.search(x)]
        return "\n".join(said)


def _locale(major: int) -> list[str]:
    # Sorting by code point everywhere; lower() and upper() know Vietnamese letters. Never the machine's own locale.
    if major >= 17:
        return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    return ["--locale=C", "--lc-ctype=C.UTF-8", "--locale-provider=libc"]


def _serves(pid: int, data: Path) -> bool:
    """Whether the process is a PostgreSQL server on this very data folder."""
    try:
        process = psutil.Process(abs(pid))
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        try:
            return process.name().startswith("postgres") and data.samefile(process.cwd())
        except (psutil.AccessDenied, PermissionError):
            # Root without the right to trace processes, as in a container: the server was started with this path.
            return str(data) in process.cmdline()
    except (psutil.NoSuchProcess, FileNotFoundError):
        return False
