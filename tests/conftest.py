"""What tests share: a PostgreSQL server per test session (per worker under xdist), a fresh database per test, and what
dbt parsed of its project.

ONESTOP_TEST_POSTGRES_BIN names the folder of an installed PostgreSQL's programs to run everything on it instead of the
embedded one.
"""

from __future__ import annotations

import hashlib
import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from dbt_server import DbtServer
from must_run import MustRun
from onestop.transform import dbt
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import WAREHOUSE, EmbeddedPostgres
from onestop.warehouse.migrations import migrate

# Tests start many processes: compiled files are kept, whatever the environment says, or each compiles all it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def pytest_configure(config: pytest.Config) -> None:
    """Programs that were promised are not missed in silence."""
    config.pluginmanager.register(MustRun(), "must_run")


@pytest.fixture(scope="session", autouse=True)
def _parsed_once(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """dbt's first build of a database in a folder parses the whole project: give it what it parsed before, of the same
    name of a database and the same variables. dbt itself sees whether it still holds. And it is imported once."""
    kept, name = tmp_path_factory.mktemp("parsed"), "partial_parse.msgpack"
    server = DbtServer()
    run = server.run

    def run_with_it(command: list[str], env: dict[str, str], target_path: Path) -> str:
        told = (target_path / "profiles" / "profiles.yml").read_text() + command[command.index("--vars") + 1]
        parsed, shared = target_path / name, kept / hashlib.sha256(told.encode()).hexdigest()
        if shared.exists():
            shutil.copyfile(shared, parsed)
        output = run(command, env, target_path)
        if parsed.exists():
            shutil.copyfile(parsed, shared)
        return output

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dbt, "run", run_with_it)
        yield
    server.stop()


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
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as connection:
        # A name that was used before: dbt parses anew for each other one.
        used = {row[0] for row in connection.execute("select datname from pg_database")}
        name = sql.Identifier(next(name for name in map("t_{}".format, itertools.count(1)) if name not in used))
        connection.execute(
            sql.SQL("create database {} owner {} template {}").format(
                name, sql.Identifier(WAREHOUSE), sql.Identifier(template)
            )
        )
        try:
            dsn = urlsplit(postgres.warehouse_dsn)._replace(path=f"/{name.as_string(None).strip(chr(34))}").geturl()
            if template != "template0":
                # A copy has its template's tables and rights, but for those on the database itself.
                with psycopg.connect(dsn) as copied:
                    copied.execute("select ops.apply_database_rights()")
            yield dsn
        finally:
            connection.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture
def empty_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The DSN of a database without anything in it, owned by the role of the DSN; dropped afterwards."""
    with _database(postgres, "template0") as dsn:
        yield dsn


@pytest.fixture(scope="module")
def module_empty_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The same for all tests of a file."""
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
