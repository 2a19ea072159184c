"""Foreign databases, read only: addresses, drivers, sessions, time-outs, and a way to cut a connection."""

from __future__ import annotations

import importlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import Any

import orjson
import sqlalchemy as sa
from psycopg import DataError
from psycopg.abc import Buffer
from psycopg.types import datetime as psycopg_datetime
from sqlalchemy import event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.pool import NullPool

from onestop.errors import ConfigurationError

DEADLINE_FACTOR = 4  # a whole range of rows may take this many times the statement time-out
DRIVERS = {
    "postgresql": ("postgresql+psycopg", "psycopg"),
    "postgres": ("postgresql+psycopg", "psycopg"),
    "mysql": ("mysql+pymysql", "pymysql"),
    "mariadb": ("mysql+pymysql", "pymysql"),  # the mysql dialect serves both, whichever the server turns out to be
    "mssql": ("mssql+pyodbc", "pyodbc"),
    "oracle": ("oracle+oracledb", "oracledb"),
}
_EXTRAS = {"pyodbc": "mssql", "oracledb": "oracle"}
_EXAMPLE = "postgresql://user:password@host:5432/database"


def address(source_id: str, dsn: str) -> URL:
    """The DSN as an SQLAlchemy URL with the driver that this project uses.

    Raises:
        ConfigurationError: it is none, names another kind of database or driver, or the driver is not installed.
    """
    try:
        url = make_url(dsn.strip())
        family, _, driver = url.drivername.partition("+")
        url.port  # noqa: B018  (a port that is no number fails here at the latest)
    except (ArgumentError, ValueError):
        # The words of these errors may quote the DSN, password and all.
        raise ConfigurationError(
            f"source {source_id}: its DSN is not an SQLAlchemy URL",
            next_step=f"write it like {_EXAMPLE} (special characters of a password are %-encoded)",
        ) from None
    known = DRIVERS.get(family)
    if known is None or (driver and driver != known[0].partition("+")[2]):
        raise ConfigurationError(
            f"source {source_id}: its DSN names {url.drivername!r}, which this project does not read with",
            next_step=f"use one of: {', '.join(sorted({name for name, _ in DRIVERS.values()}))}",
        )
    try:
        importlib.import_module(known[1])
    except ImportError:
        extra = _EXTRAS.get(known[1])
        raise ConfigurationError(
            f"source {source_id}: the driver {known[1]} for {known[0]} is not installed, or lacks a library",
            next_step=f"pip install 'onestop[{extra}]'" if extra else f"pip install {known[1]}",
        ) from None
    return url.set(drivername=known[0])


class Database:
    """One foreign database. Connections are read-only and bounded in time; no pool keeps them.

    Args:
        source_id: named in messages.
        dsn: an SQLAlchemy URL; it appears in no message.
        timeout_seconds: for connecting and for each statement.

    Raises:
        ConfigurationError: see `address`.
    """

    def __init__(self, source_id: str, dsn: str, timeout_seconds: float) -> None:
        url = address(source_id, dsn)
        self.source_id = source_id
        self.timeout = timeout_seconds
        self.family = url.get_backend_name()
        self.place = f"{url.host or 'localhost'}{f':{url.port}' if url.port else ''}/{url.database or ''}"
        try:
            self._engine: Engine = sa.create_engine(
                url,
                poolclass=NullPool,
                hide_parameters=True,
                connect_args=_connect_arguments(url, timeout_seconds),
                **({"json_deserializer": read_json} if self.family in ("postgresql", "mysql") else {}),
            )
        except (ArgumentError, NoSuchModuleError, TypeError, ValueError) as problem:
            raise ConfigurationError(
                f"source {source_id}: its DSN has an option that the driver does not know ({type(problem).__name__})",
                next_step=f"write it like {_EXAMPLE}",
            ) from None
        event.listen(self._engine, "connect", self._prepare)

    def connect(self) -> Connection:
        """A new connection. Raises SQLAlchemy's errors: sql_faults puts them into words."""
        return self._engine.connect()

    def begin_reading(self, connection: Connection) -> None:
        """Start a transaction in which nothing can be written and no statement outlives the time-out."""
        milliseconds = max(1, int(self.timeout * 1000))
        if self.family == "postgresql":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {milliseconds}")
            connection.exec_driver_sql("SET LOCAL datestyle = 'ISO'")
        elif self.family == "mysql":
            connection.exec_driver_sql("START TRANSACTION READ ONLY")
        elif self.family == "oracle":
            connection.exec_driver_sql("SET TRANSACTION READ ONLY")
        # SQL Server has no read-only transactions: there the account's rights are the guard (docs/sources-sql.md).

    def _prepare(self, raw: Any, _: Any) -> None:
        """Settings of a new connection that hold until it is closed."""
        if self.family == "postgresql":
            for name, loader in _TOLERANT.items():
                raw.adapters.register_loader(name, loader)
        elif self.family == "mysql":
            with raw.cursor() as cursor:
                cursor.execute("SELECT VERSION()")
                if "mariadb" in str(cursor.fetchone()[0]).lower():
                    cursor.execute(f"SET SESSION max_statement_time = {self.timeout:.3f}")
                else:
                    cursor.execute(f"SET SESSION max_execution_time = {max(1, int(self.timeout * 1000))}")
                cursor.execute(f"SET SESSION lock_wait_timeout = {max(1, round(self.timeout))}")
                cursor.execute("SET SESSION time_zone = '+00:00'")  # what TIMESTAMP columns are read in
        elif self.family == "mssql":
            raw.timeout = max(1, round(self.timeout))
        elif self.family == "oracle":
            raw.call_timeout = max(1, int(self.timeout * 1000))


class Line:
    """The connection in use, kept so that another thread can cut it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._raw: Any = None
        self.was_cut = False
        self._closed_for_good = False

    def hold(self, connection: Connection | None) -> None:
        """Remember the connection that is waited for; None: none any more."""
        raw = connection.connection.dbapi_connection if connection is not None else None
        with self._lock:
            self._raw = raw
            if self._closed_for_good:
                self._shut()

    def cut(self, *, for_good: bool = False) -> None:
        """End the statement under way, and with `for_good` every later one."""
        with self._lock:
            self.was_cut = True
            self._closed_for_good |= for_good
            self._shut()

    def _shut(self) -> None:
        raw = self._raw
        if raw is None:
            return
        with suppress(Exception):  # closed already, or the driver cannot: the statement time-out ends it then
            if hasattr(raw, "pgconn"):
                _shut_socket(os.dup(raw.fileno()))
            elif hasattr(raw, "_sock"):
                _shut_socket(os.dup(raw._sock.fileno()))
            else:
                raw.cancel()

    @contextmanager
    def deadline(self, seconds: float) -> Iterator[None]:
        """Cuts the connection if the block lasts longer."""
        self.was_cut = False
        timer = threading.Timer(seconds, self.cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


def _shut_socket(copy: int) -> None:
    with socket.socket(fileno=copy) as line:
        line.shutdown(socket.SHUT_RDWR)


def _connect_arguments(url: URL, timeout: float) -> dict[str, Any]:
    seconds = max(1, round(timeout))
    family = url.get_backend_name()
    if family == "postgresql":
        return {
            "connect_timeout": max(2, seconds),
            "application_name": "onestop",
            "client_encoding": "utf8",
            "prepare_threshold": None,  # connection poolers lose prepared statements
            "keepalives_idle": seconds,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        }
    if family == "mysql":
        # The server ends a statement by itself: the socket's time-out is for a server that is gone.
        return {
            "connect_timeout": seconds,
            "read_timeout": 2 * seconds,
            "write_timeout": seconds,
            "charset": "utf8mb4",
            "program_name": "onestop",
            # As text it would have to be Latin-1.
            **({"password": url.password.encode()} if url.password else {}),
        }
    return {"timeout": seconds} if family == "mssql" else {"tcp_connect_timeout": float(seconds)}


def read_json(text: str | bytes) -> Any:
    """A JSON column's value; what cannot be read stays as it is, for the rules to judge."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def _tolerant(base: type[Any]) -> type[Any]:
    class Tolerant(base):  # type: ignore[misc]
        """As psycopg reads it; infinity and years outside 1 to 9999 as the server's text."""

        def load(self, data: Buffer) -> datetime | str:
            try:
                return super().load(data)  # type: ignore[no-any-return]
            except DataError:
                return bytes(data).decode()

    return Tolerant


_TOLERANT = {
    "date": _tolerant(psycopg_datetime.DateLoader),
    "timestamp": _tolerant(psycopg_datetime.TimestampLoader),
    "timestamptz": _tolerant(psycopg_datetime.TimestamptzLoader),
}
