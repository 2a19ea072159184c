"""one_stop_sql without a server: addresses, errors, values, and the queries for servers that are not tested for real."""

from __future__ import annotations

import importlib
import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg.errors
import pymysql.err
import pytest
from sqlalchemy import types
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql
from sqlalchemy.exc import DBAPIError, OperationalError

from onestop.errors import ConfigurationError, DataRefused
from onestop.sources.one_stop_sql import OneStopSql
from onestop.sources.retries import AttemptError
from onestop.sources.sql_database import Database, Line, address
from onestop.sources.sql_faults import explain
from onestop.sources.sql_table import DossierTable, Found, UnreadableBytesError
from onestop.sources.sql_values import Values

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.mark.parametrize(
    ("dsn", "driver"),
    [
        ("postgresql://u:p@h/d", "postgresql+psycopg"),
        ("postgres://u:p@h/d", "postgresql+psycopg"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+psycopg"),
        ("mysql://u:p@h/d", "mysql+pymysql"),
        ("mariadb://u:p@h/d", "mysql+pymysql"),
        ("mariadb+pymysql://u:p@h/d", "mysql+pymysql"),
    ],
)
def test_addresses(dsn: str, driver: str) -> None:
    assert address("kbnn", dsn).drivername == driver


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "geheim",
        "postgresql//u:geheim@h/d",
        "sqlite:///geheim",
        "postgresql+asyncpg://u:geheim@h/d",
        "mysql://u:geheim@h:x/d",
    ],
)
def test_addresses_that_are_none_are_not_quoted(dsn: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        address("kbnn", dsn)
    assert "geheim" not in str(caught.value) and "kbnn" in caught.value.message
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("dsn", "advice"),
    [
        ("mssql://u:geheim@h/d", "pip install 'onestop[mssql]'"),
        ("mssql+pyodbc://u:geheim@h/d", "pip install 'onestop[mssql]'"),
        ("oracle+oracledb://u:geheim@h/d", "pip install 'onestop[oracle]'"),
        ("mysql://u:geheim@h/d", "pip install pymysql"),
    ],
)
def test_a_missing_driver_is_named(dsn: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, package: str | None = None) -> Any:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(ConfigurationError) as caught:
        OneStopSql(
            "kbnn", dsn, "t", page_size=1, timeout_seconds=1, retry_budget_seconds=0, fields=["MaHoSo"], zone=ZONE
        )
    assert caught.value.next_step == advice and "geheim" not in str(caught.value)


def test_nothing_is_asked_before_the_first_page_is_wanted() -> None:
    source = OneStopSql(
        "kbnn",
        "mysql://u:p@127.0.0.1:9/d",
        "t",
        page_size=1,
        timeout_seconds=1,
        retry_budget_seconds=0,
        fields=[],
        zone=ZONE,
    )
    feed = source.pages("20240101000000", "20240102000000")
    feed.stop()
    feed.close()
    with pytest.raises(StopIteration):
        next(feed)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("  text ", "  text "),
        (True, "1"),
        (False, "0"),
        (7, "7"),
        (Decimal("2.00"), "2"),
        (Decimal("10"), "10"),
        (Decimal("1E+3"), "1000"),
        (Decimal("0.10"), "0.1"),
        (Decimal("123456789012345678901234567890.50"), "123456789012345678901234567890.5"),
        (Decimal("NaN"), "NaN"),
        (2.0, "2"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (math.inf, "Infinity"),
        (datetime(2024, 9, 3, 9, 8, 7, 999999), "20240903090807"),
        (datetime(2024, 9, 3, 17, 0, tzinfo=UTC), "20240904000000"),
        (datetime(2024, 9, 3, 17, 0, tzinfo=timezone(timedelta(hours=9))), "20240903150000"),
        (datetime(44, 3, 15), "00440315000000"),
        (datetime.max.replace(tzinfo=UTC), "99991231235959"),
        (date(2024, 9, 3), "20240903000000"),
        (b"Nguy\xe1\xbb\x85n", "Nguyễn"),
        (memoryview(b"x"), "x"),
        (timedelta(hours=1), "1:00:00"),
        (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
        ([{"a": 1}], [{"a": 1}]),
    ],
)
def test_values(value: Any, written: Any) -> None:
    assert Values(ZONE).plain(value) == written


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ('[{"Gia": 1.5}]', [{"Gia": 1.5}]),
        (b"[]", []),
        ([{"Gia": 1}], [{"Gia": 1}]),
        ("null", None),
        ("", ""),
        ("{}", {}),
        ("12", "12"),
        ("[{", "[{"),
    ],
)
def test_lists(value: Any, read: Any) -> None:
    assert Values(ZONE).as_list(value) == read


def test_times_that_are_utc() -> None:
    assert Values(ZONE).utc(datetime(2024, 9, 3, 17, 0)) == "20240904000000"
    assert Values(ZONE).utc("0000-00-00 00:00:00") == "0000-00-00 00:00:00"


def table(dialect: Any, stamp: Any, columns: dict[str, Any] | None = None) -> DossierTable:
    return DossierTable(
        Found("dossiers", None, columns or {"MaHoSo": types.VARCHAR(60), "ngaycapnhat": stamp}),
        "kbnn",
        dialect.name,
        fields=["MaHoSo", "MucDo", "DanhSachLePhi", "NgayCapNhat"],
        required=["MaHoSo", "NgayCapNhat"],
        lists=["DanhSachLePhi"],
        key="MaHoSo",
        version="NgayCapNhat",
        zone=ZONE,
    )


def test_a_row_as_a_record() -> None:
    columns = {
        "MAHOSO": types.VARCHAR(60),
        "mucdo": types.Integer(),
        "DanhSachLePhi": types.LargeBinary(),
        "NgayCapNhat": mysql.TIMESTAMP(),
        "them": types.Text(),
        "anh": types.LargeBinary(),
    }
    made = table(mysql.dialect(), None, columns)
    row = ("A", 3, b'[{"Gia": 1}]', datetime(2024, 9, 3, 17), "x", "key", b"key")
    assert made.record(row) == {
        "MaHoSo": "A",
        "MucDo": "3",
        "DanhSachLePhi": [{"Gia": 1}],
        "NgayCapNhat": "20240904000000",
        "them": "x",
    }
    with pytest.raises(UnreadableBytesError, match="DanhSachLePhi"):
        made.record(("A", 3, b"\xff", None, "x", "key", b"key"))


@pytest.mark.parametrize(
    ("stamp", "first", "last"),
    [
        (types.VARCHAR(20), "20240903090000", "20240904000000"),
        (types.BigInteger(), 20240903090000, 20240904000000),
        (types.Numeric(14), 20240903090000, 20240904000000),
        (types.DateTime(), datetime(2024, 9, 3, 9), datetime(2024, 9, 4)),
        (types.DateTime(timezone=True), datetime(2024, 9, 3, 9, tzinfo=ZONE), datetime(2024, 9, 4, tzinfo=ZONE)),
        (types.Date(), date(2024, 9, 4), date(2024, 9, 4)),
    ],
)
def test_the_bounds_of_a_range_are_of_the_columns_type(stamp: Any, first: Any, last: Any) -> None:
    query = table(postgresql.dialect(), stamp).dated("20240903090000", "20240904000000", None, 5)
    values = list(query.compile(dialect=postgresql.dialect()).params.values())
    assert values[:2] == [first, last]


@pytest.mark.parametrize("dialect", [postgresql, mysql, mssql, oracle])
@pytest.mark.parametrize(
    "stamp", [types.VARCHAR(20), types.CHAR(20), types.DateTime(), types.BigInteger(), types.Float()]
)
def test_every_dialect_has_both_queries(dialect: Any, stamp: Any) -> None:
    made, named = table(dialect.dialect(), stamp), dialect.dialect()
    after = [datetime(2024, 9, 3), b"x"] if isinstance(stamp, types.DateTime) else ["20240903090000", b"x"]
    for query in (made.dated("19700101000000", "20300101000000", after, 5), made.undated(after, 5)):
        text = " ".join(str(query.compile(dialect=named)).split())
        assert "ORDER BY" in text and "code_key" in text
        assert {"postgresql": 'COLLATE "C"', "mysql": "AS BINARY)", "mssql": "AS VARBINARY(8000))"}.get(
            named.name, "NLS_SORT=BINARY"
        ) in text


def test_sql_server_is_ordered_by_what_python_can_hold() -> None:
    text = str(table(mssql.dialect(), mssql.DATETIME2(7)).undated(None, 5).compile(dialect=mssql.dialect()))
    assert "CAST(dossiers.ngaycapnhat AS DATETIME2(6)) AS stamp_key" in text


def test_columns_that_differ_in_case_only() -> None:
    twice = {"MAHOSO": types.Text(), "mahoso": types.Text(), "NgayCapNhat": types.Text()}
    with pytest.raises(DataRefused, match="MAHOSO, mahoso are all columns for MaHoSo"):
        table(postgresql.dialect(), None, twice)
    exact = table(
        postgresql.dialect(), None, {"MaHoSo": types.Text(), "mahoso": types.Text(), "NgayCapNhat": types.Text()}
    )
    assert exact.names == ["MaHoSo", "NgayCapNhat", "mahoso"]


def test_a_version_that_is_no_time() -> None:
    with pytest.raises(DataRefused, match="neither text nor a time nor a number"):
        table(postgresql.dialect(), types.Boolean())


@pytest.mark.parametrize(
    ("problem", "kind", "words"),
    [
        (pymysql.err.OperationalError(1045, "geheim"), ConfigurationError, "refuses the user or the password"),
        (pymysql.err.OperationalError(1142, "geheim"), ConfigurationError, "no right to read it"),
        (pymysql.err.OperationalError(1969, "geheim"), AttemptError, "ended after 3 s"),
        (pymysql.err.OperationalError(2013, "geheim"), AttemptError, "lost"),
        (pymysql.err.InterfaceError(0, ""), AttemptError, "lost"),
        (pymysql.err.OperationalError(2003, "Can't connect ([Errno 111] Connection refused)"), AttemptError, "no connection"),
        (pymysql.err.OperationalError(2003, "Can't connect ([Errno -2] Name or service not known)"), ConfigurationError, "no host"),
        (pymysql.err.DataError(1366, "geheim"), ConfigurationError, r"DataError, 1366"),
        (psycopg.errors.InsufficientPrivilege("geheim"), ConfigurationError, "no right to read it"),
        (psycopg.errors.QueryCanceled("geheim"), AttemptError, "ended after 3 s"),
        (psycopg.errors.AdminShutdown("geheim"), AttemptError, "lost"),
        (psycopg.errors.InvalidTextRepresentation("geheim"), ConfigurationError, "22P02"),
        (psycopg.OperationalError('password authentication failed for user "geheim"'), ConfigurationError, "the password"),
        (psycopg.OperationalError("connection refused"), AttemptError, "no connection"),
        (Exception("28000", "[28000] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Login failed for user 'geheim'. (18456)"), ConfigurationError, "18456"),
        (Exception("42S02", "[42S02] [Microsoft][ODBC Driver 18 for SQL Server][SQL Server]Invalid object. (208)"), ConfigurationError, "not there any more"),
        (Exception("HYT00", "[HYT00] [Microsoft][ODBC Driver 18 for SQL Server]Query timeout expired"), AttemptError, "ended after 3 s"),
        (Exception("08S01", "[08S01] [Microsoft][ODBC Driver 18 for SQL Server]TCP Provider"), AttemptError, "lost"),
        (Exception("ORA-01017: invalid username/password; geheim"), ConfigurationError, "refuses the user"),
        (Exception("ORA-00942: table or view does not exist"), ConfigurationError, "not there any more"),
        (Exception("DPY-4024: call timeout of 3000 ms exceeded"), AttemptError, "ended after 3 s"),
        (Exception("DPY-6005: cannot connect to database"), AttemptError, "no connection"),
        (Exception("ORA-03113: end-of-file on communication channel"), AttemptError, "lost"),
    ],
)  # fmt: skip
def test_errors_of_databases(problem: Exception, kind: type[Exception], words: str) -> None:
    database = Database("kbnn", "mysql://u:geheim@h:3306/d", 3)
    error = explain(database, "table t", OperationalError("select geheim", {}, problem))
    assert type(error) is kind
    assert words in str(error) and "geheim" not in str(error)


def test_a_cut_connection_is_said_to_be_one() -> None:
    database = Database("kbnn", "mysql://u:p@h/d", 3)
    lost = DBAPIError("select 1", {}, pymysql.err.OperationalError(2013, "Lost connection"))
    assert "no whole answer within 12 s" in str(explain(database, "table t", lost, cut=True))


def test_a_line_that_was_closed_for_good_shuts_what_it_is_given_later() -> None:
    class Raw:
        cancelled = 0

        def cancel(self) -> None:
            self.cancelled += 1

    class Held:
        dbapi_connection = Raw()

    class Connection:
        connection = Held()

    line = Line()
    line.cut(for_good=True)
    line.hold(Connection())  # type: ignore[arg-type]
    assert Held.dbapi_connection.cancelled == 1 and line.was_cut
