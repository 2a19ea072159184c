"""What tests share: a PostgreSQL server per test session (per worker under xdist) and a fresh database per test.

ONESTOP_TEST_POSTGRES_BIN names the folder of an installed PostgreSQL's programs to run everything on it instead of the
embedded one.
"""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from onestop.transform import dbt
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import WAREHOUSE, EmbeddedPostgres
from onestop.warehouse.migrations import migrate


@pytest.fixture(scope="session")
def postgres_bin() -> Path | None:
    """The programs of the PostgreSQL under test; None: the embedded one."""
    folder = os.environ.get("ONESTOP_TEST_POSTGRES_BIN")
    return Path(folder) if folder else None


@contextmanager
def _reachable_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="onestop-test-")).resolve()
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A temporary folder that any account may enter, unlike pytest's own: for root, the server is run by another."""
    with _reachable_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def postgres(postgres_bin: Path | None) -> Iterator[EmbeddedPostgres]:
    """A running server. Its data need not survive the machine, so it does not wait for the disk."""
    with _reachable_folder() as folder:
        server = EmbeddedPostgres(folder / ".local", bin_folder=postgres_bin)
        try:
            server.start()
            with psycopg.connect(server.admin_dsn, autocommit=True) as connection:
                connection.execute("alter system set fsync = off")
                connection.execute("select pg_reload_conf()")
            yield server
        finally:
            server.destroy()


@contextmanager
def _database(postgres: EmbeddedPostgres, template: str) -> Iterator[str]:
    name = sql.Identifier(f"t_{secrets.token_hex(6)}")
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as connection:
        connection.execute(
            sql.SQL("create database {} owner {} template {}").format(
                name, sql.Identifier(WAREHOUSE), sql.Identifier(template)
            )
        )
        try:
            yield urlsplit(postgres.warehouse_dsn)._replace(path=f"/{name.as_string(None).strip(chr(34))}").geturl()
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The DSN of a database without anything in it, owned by the role of the DSN; dropped afterwards."""
    with _database(postgres, "template0") as dsn:
        yield dsn


@pytest.fixture(scope="session")
def _migrated_template(postgres: EmbeddedPostgres) -> Iterator[str]:
    with _database(postgres, "template0") as dsn:
        with connect(dsn) as connection:
            migrate(connection)
        yield urlsplit(dsn).path.removeprefix("/")


@pytest.fixture
def warehouse(postgres: EmbeddedPostgres, _migrated_template: str) -> Iterator[str]:
    """The DSN of a fresh warehouse with all migrations applied and no rows; dropped afterwards."""
    with _database(postgres, _migrated_template) as dsn:
        yield dsn


@pytest.fixture(scope="module")
def module_warehouse(postgres: EmbeddedPostgres, _migrated_template: str) -> Iterator[str]:
    """The same for all tests of a module."""
    with _database(postgres, _migrated_template) as dsn:
        yield dsn


@contextmanager
def _without_data_tests() -> Iterator[None]:
    run = dbt.run
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt, "run", lambda command, *more: run([*command, "--exclude-resource-type", "test"], *more))
        patch.setattr(dbt, "refuse_emptiness", lambda result: None)
        yield


@pytest.fixture
def models_alone() -> Iterator[None]:
    """Builds run without the data tests, which other tests run: they are half of a small build's time."""
    with _without_data_tests():
        yield


@pytest.fixture(scope="module")
def module_models_alone() -> Iterator[None]:
    """The same for all tests of a module."""
    with _without_data_tests():
        yield
