"""Connections and migrations: what they do, and what they say when something is wrong."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from onestop.errors import ConfigurationError, OnestopError, WarehouseUnavailable
from onestop.warehouse import connection as connection_module
from onestop.warehouse import migrations
from onestop.warehouse.connection import connect, masked, require_writable
from onestop.warehouse.embedded import EmbeddedPostgres
from onestop.warehouse.migrations import migrate

pytestmark = [pytest.mark.integration, pytest.mark.every_server]

Folder = Callable[..., Path]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Makes a folder of migrations out of texts."""

    def make(*texts: str) -> Path:
        for old in tmp_path.glob("*.sql"):
            old.unlink()
        for number, text in enumerate(texts, start=1):
            (tmp_path / f"{number:04d}_step_{number}.sql").write_text(text, encoding="utf-8")
        return tmp_path

    return make


def tables(dsn: str) -> set[str]:
    with connect(dsn) as c:
        found = c.execute(
            "select schemaname || '.' || tablename from pg_tables where schemaname !~ '^(pg_|information)'"
        )
        return {row[0] for row in found}


def test_the_projects_migrations_make_the_warehouse_and_a_second_run_does_nothing(empty_database: str) -> None:
    with connect(empty_database) as c:
        names = migrate(c)
        assert names == [m.name for m in migrations.read()]
        assert names[:2] == ["0001_schemas", "0002_raw"]
        assert migrate(c) == []
    assert {"ops.load_batch", "raw.one_stop_dossier", "quarantine.rejected_row"} <= tables(empty_database)
    with connect(empty_database) as c:
        rows = c.execute("select version, name, sha256 from ops.schema_migration order by 1").fetchall()
    assert rows == [(m.version, m.name, m.sha256) for m in migrations.read()]


def test_the_warehouse_fixture_is_migrated_and_starts_empty(warehouse: str) -> None:
    with connect(warehouse) as c:
        assert migrate(c) == []
        assert c.execute("select count(*) from ops.load_batch").fetchone() == (0,)


@pytest.mark.parametrize("autocommit", [True, False])
def test_only_new_files_are_applied(empty_database: str, folder: Folder, autocommit: bool) -> None:
    with connect(empty_database, autocommit=autocommit) as c:
        assert migrate(c, folder("create table one (a int)")) == ["0001_step_1"]
        assert migrate(c, folder("create table one (a int)", "create table two (a int)")) == ["0002_step_2"]
        assert c.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
    assert {"public.one", "public.two"} <= tables(empty_database)


def test_a_failing_file_rolls_everything_back_and_is_named_with_its_line(empty_database: str, folder: Folder) -> None:
    with connect(empty_database) as c:
        with pytest.raises(OnestopError, match=r'0002_step_2\.sql, line 2: relation "missing" does not exist'):
            migrate(c, folder("create table one (a int)", "create table two (a int);\nselect * from missing"))
        assert tables(empty_database) == set()
        assert migrate(c, folder("create table one (a int)")) == ["0001_step_1"]


def test_a_failing_file_does_not_quote_rows(empty_database: str, folder: Folder) -> None:
    texts = (
        "create table one (a text)",
        "insert into one values ('Nguyễn'), ('Nguyễn'); create unique index on one (a)",
    )
    with connect(empty_database) as c, pytest.raises(OnestopError, match="could not create unique index") as caught:
        migrate(c, folder(*texts))
    assert "Nguyễn" not in str(caught.value)


def test_a_changed_applied_file_is_refused(empty_database: str, folder: Folder) -> None:
    with connect(empty_database) as c:
        migrate(c, folder("create table one (a int)"))
        with pytest.raises(ConfigurationError, match=r"0001_step_1\.sql is not what was applied"):
            migrate(c, folder("create table one (a bigint)", "create table two (a int)"))
    assert "public.two" not in tables(empty_database)


def test_line_ends_of_a_checkout_do_not_count_as_a_change(empty_database: str, folder: Folder) -> None:
    with connect(empty_database) as c:
        place = folder("create table one (\na int)")
        migrate(c, place)
        (place / "0001_step_1.sql").write_bytes(b"create table one (\r\na int)")
        assert migrate(c, place) == []


def test_a_database_newer_than_the_code_is_refused(empty_database: str, folder: Folder) -> None:
    with connect(empty_database) as c:
        migrate(c, folder("select 1", "select 2"))
        with pytest.raises(ConfigurationError, match="at migration 0002_step_2, newer than this onestop"):
            migrate(c, folder("select 1"))


def test_two_at_once_wait_for_each_other(empty_database: str, folder: Folder) -> None:
    place = folder("create table one (a int); select pg_sleep(0.3)")
    together = threading.Barrier(2)

    def run() -> list[str]:
        with connect(empty_database) as c:
            together.wait()
            return migrate(c, place)

    with ThreadPoolExecutor(2) as pool:
        done = sorted(future.result() for future in [pool.submit(run), pool.submit(run)])
    assert done == [[], ["0001_step_1"]]


def test_a_lock_held_for_too_long_is_said(empty_database: str, folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "LOCK_SECONDS", 0.2)
    with connect(empty_database) as other, connect(empty_database) as c:
        other.execute("select pg_advisory_lock(%s)", [migrations._LOCK])
        with pytest.raises(WarehouseUnavailable, match="another process has held"):
            migrate(c, folder("select 1"))


def test_an_open_transaction_is_refused_and_left_alone(empty_database: str) -> None:
    with connect(empty_database) as c:
        c.execute("create table mine (a int)")
        with pytest.raises(ValueError, match="without an open transaction"):
            migrate(c)
        c.commit()
    assert tables(empty_database) == {"public.mine"}


def test_a_database_with_something_else_in_it_is_refused(empty_database: str) -> None:
    with connect(empty_database) as c:
        c.execute("create schema raw")
        c.commit()
        with pytest.raises(OnestopError, match='"raw" already exists') as caught:
            migrate(c)
    assert "database of its own" in str(caught.value)
    assert tables(empty_database) == set()


@pytest.mark.parametrize("name", ["0002_gap.sql", "1_short.sql", "0001_Upper.sql"])
def test_misnamed_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("select 1")
    with pytest.raises(ConfigurationError):
        migrations.read(tmp_path)


def test_no_files_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no migrations"):
        migrations.read(tmp_path)


def test_a_role_that_may_not_create_is_told_so(postgres: EmbeddedPostgres, empty_database: str) -> None:
    database = urlsplit(empty_database).path.removeprefix("/")
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin:
        admin.execute("create role guest login password 'guest-password'")
        try:
            admin.execute(sql.SQL("grant connect on database {} to guest").format(sql.Identifier(database)))
            parts = urlsplit(empty_database)
            guest = parts._replace(netloc=f"guest:guest-password@{parts.hostname}:{parts.port}").geturl()
            with connect(guest) as c, pytest.raises(ConfigurationError, match="'guest' may not create schemas"):
                migrate(c)
        finally:
            admin.execute(sql.SQL("revoke all on database {} from guest").format(sql.Identifier(database)))
            admin.execute("drop role guest")


def test_a_read_only_database_is_told_so(postgres: EmbeddedPostgres, empty_database: str) -> None:
    database = sql.Identifier(urlsplit(empty_database).path.removeprefix("/"))
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("alter database {} set default_transaction_read_only = on").format(database))
    with connect(empty_database) as c, pytest.raises(ConfigurationError, match="read-only"):
        require_writable(c)


def altered(dsn: str, **changes: str) -> str:
    parts = urlsplit(dsn)
    user, password = changes.get("user", parts.username), changes.get("password", parts.password)
    port = changes.get("port", str(parts.port))
    return parts._replace(
        netloc=f"{user}:{password}@{parts.hostname}:{port}", path=changes.get("path", parts.path)
    ).geturl()


def test_a_connection_says_who_it_is_and_speaks_utf8(empty_database: str) -> None:
    with connect(empty_database) as c:
        assert c.execute("select current_setting('application_name'), 'Đắk Lắk'").fetchone() == ("onestop", "Đắk Lắk")
    with connect(f"{empty_database}?application_name=dag") as c:
        assert c.execute("select current_setting('application_name')").fetchone() == ("dag",)


@pytest.mark.parametrize(
    ("changes", "kind", "words"),
    [
        ({"password": "wr0ng-secret"}, ConfigurationError, "refuses the user or the password"),
        ({"user": "nobody_known"}, ConfigurationError, "refuses the user or the password"),
        ({"path": "/absent"}, ConfigurationError, "no such database"),
    ],
)
def test_a_refused_connection_says_why_without_the_password(
    empty_database: str, changes: dict[str, str], kind: type[OnestopError], words: str
) -> None:
    dsn = altered(empty_database, **changes)
    with pytest.raises(kind, match=words) as caught:
        connect(dsn)
    assert caught.value.next_step
    assert urlsplit(dsn).password not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_nothing_listening_is_said_with_the_address(empty_database: str) -> None:
    with socket.socket() as probe:  # bound but not listening: the port stays ours and refuses connections
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
        with pytest.raises(WarehouseUnavailable, match="nothing listens there") as caught:
            connect(altered(empty_database, port=port))
    assert f"127.0.0.1:{port}" in str(caught.value)


@pytest.mark.parametrize("dsn", ["", "secret-word", "postgresql://a:secret-word@[broken/x", "host=a secret-word"])
def test_a_malformed_dsn_is_not_quoted(dsn: str) -> None:
    with pytest.raises(ConfigurationError, match="not a libpq URI") as caught:
        connect(dsn)
    assert "secret-word" not in str(caught.value)
    assert "secret-word" not in masked(dsn)


def test_a_server_older_than_15_is_refused(empty_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    old = SimpleNamespace(info=SimpleNamespace(server_version=140011), close=lambda: closed.append(True))
    monkeypatch.setattr(connection_module.psycopg, "connect", lambda *_, **__: old)
    with pytest.raises(ConfigurationError, match="is PostgreSQL 14; the warehouse needs 15 to 18"):
        connect(empty_database)
    assert closed


def test_a_database_that_cannot_hold_vietnamese_is_refused(postgres: EmbeddedPostgres) -> None:
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin:
        admin.execute(
            "create database latin owner onestop encoding 'LATIN1' locale 'C' template template0"
            + (" locale_provider 'libc'" if admin.info.server_version >= 150000 else "")
        )
        try:
            with pytest.raises(ConfigurationError, match="stores LATIN1, which cannot hold Vietnamese"):
                connect(altered(postgres.warehouse_dsn, path="/latin"))
        finally:
            admin.execute("drop database latin with (force)")
