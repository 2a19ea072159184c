"""one_stop_sql against running servers: PostgreSQL, and MariaDB where its programs are installed."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit
from zoneinfo import ZoneInfo

import psycopg
import pymysql
import pytest

import mariadb_server
from onestop.errors import ConfigurationError, DataRefused, OnestopError, SourceUnavailable
from onestop.sandbox.sql_source import FIELDS, Look, write_table
from onestop.sources import one_stop_sql
from onestop.sources.one_stop_sql import OneStopSql, Page, parse_page
from onestop.warehouse.embedded import EmbeddedPostgres

pytestmark = pytest.mark.integration
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
EVER = ("19700101000000", "20300101000000")
LISTS = ("DanhSachHoSoBoSung", "DanhSachXinLoi", "DanhSachLePhi")
KEYS = ("MaHoSo", "NgayCapNhat")


@dataclass(frozen=True)
class Server:
    """A database of a server under test, with a connection that may do anything."""

    kind: str
    dsn: str
    execute: Callable[..., list[Any]]

    def end_connections(self) -> int:
        """Cut every connection of a connector; how many there were."""
        if self.kind == "postgres":
            return len(
                self.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
                    " and pid <> pg_backend_pid()"
                )
            )
        ids = [r[0] for r in self.execute("select id from information_schema.processlist where id <> connection_id()")]
        for number in ids:
            self.execute(f"kill {number}")
        return len(ids)

    def busy(self) -> bool:
        """Whether a connector's rows are being read just now."""
        if self.kind == "postgres":
            words = "select 1 from pg_stat_activity where state = 'active' and query like 'FETCH FORWARD%'"
        else:
            words = "select 1 from information_schema.processlist where info like '%stamp!_key%' escape '!' and id <> connection_id()"
        return bool(self.execute(words))

    def quoted(self, name: str) -> str:
        return f'"{name}"' if self.kind == "postgres" else f"`{name}`"

    def sleep(self, seconds: float) -> str:
        return f"pg_sleep({seconds}) is not null" if self.kind == "postgres" else f"sleep({seconds}) = 0"


@pytest.fixture(scope="session")
def mariadb_port() -> Iterator[int]:
    if missing := mariadb_server.missing_programs():
        pytest.skip(f"MariaDB is NOT tested: {missing}")
    with mariadb_server.running() as port:
        yield port


def _executor(connection: Any) -> Callable[..., list[Any]]:
    def execute(statement: str, values: Any = None) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall()) if cursor.description else []

    return execute


def _postgres(request: pytest.FixtureRequest) -> Iterator[Server]:
    dsn = request.getfixturevalue("empty_database")
    admin: EmbeddedPostgres = request.getfixturevalue("postgres")
    with psycopg.connect(urlsplit(admin.admin_dsn)._replace(path=urlsplit(dsn).path).geturl(), autocommit=True) as own:
        own.execute("grant all on schema public to public")
        own.execute("alter default privileges grant select on tables to public")
        yield Server("postgres", dsn, _executor(own))


def _mariadb(request: pytest.FixtureRequest) -> Iterator[Server]:
    port = request.getfixturevalue("mariadb_port")
    own = pymysql.connect(
        host="127.0.0.1", port=port, user="root", password=mariadb_server.PASSWORD, autocommit=True, charset="utf8mb4"
    )
    execute = _executor(own)
    execute("create database src character set utf8mb4 collate utf8mb4_unicode_ci")
    execute("use src")
    try:
        yield Server(
            "mariadb", f"mariadb://root:{quote(mariadb_server.PASSWORD, safe='')}@127.0.0.1:{port}/src", execute
        )
    finally:
        execute("drop database src")
        own.close()


@pytest.fixture(params=["postgres", "mariadb"])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    yield from _postgres(request) if request.param == "postgres" else _mariadb(request)


@pytest.fixture
def postgres_only(request: pytest.FixtureRequest) -> Iterator[Server]:
    yield from _postgres(request)


@pytest.fixture
def mariadb_only(request: pytest.FixtureRequest) -> Iterator[Server]:
    yield from _mariadb(request)


def source(dsn: str, table: str = "dossiers", **settings: Any) -> OneStopSql:
    given = {"page_size": 100, "timeout_seconds": 20, "retry_budget_seconds": 20, "fields": FIELDS, "zone": ZONE}
    return OneStopSql("kbnn", dsn, table, **(given | settings))


def read(dsn: str, table: str = "dossiers", span: tuple[str, str] = EVER, **settings: Any) -> list[dict[str, Any]]:
    """All records; the shape of every page is checked on the way."""
    pages = list(source(dsn, table, **settings).pages(*span))
    check(pages)
    return [record for page in pages for record in page.records]


def check(pages: list[Page]) -> None:
    assert [page.number for page in pages] == list(range(1, len(pages) + 1))
    cursors = []
    for page in pages:
        records, cursor = parse_page(page.body)
        assert records == page.records
        cursors.append(cursor)
    assert all(cursors[:-1]) and cursors[-1] is None


def dossier(number: int, stamp: str = "20240903090807", **values: Any) -> dict[str, Any]:
    """A dossier with something in every kind of field."""
    empty: dict[str, Any] = dict.fromkeys(FIELDS)
    return {
        **empty,
        "MaHoSo": f"H15.07-240903-{number:04}",
        "MaTTHC": "1.012790",
        "TenTTHC": "Đăng ký khai sinh – “thường” 😀 \\ ' \" % %s :x",
        "KenhThucHien": str(1 + number % 3),
        "DonViXuLy": "H15.07",
        "ChuHoSo": "Nguyễn Thị Ánh",
        "NgayTiepNhan": "20240902081500",
        "NgayHenTra": "20240910170000" if number % 2 else None,
        "TrangThaiHoSo": str(1 + number % 10),
        "DanhSachHoSoBoSung": [{"NgayBoSung": "20240903000000", "NgayTiepNhanBoSung": None}]
        if number % 3 == 0
        else None,
        "DanhSachLePhi": [{"MaPhiLePhi": "LP01", "Gia": 12000.5 if number % 2 else 50000, "HinhThucThu": "Thu trước"}],
        "HoSoCoThanhPhanSoHoa": "1" if number % 2 else "0",
        "MucDoHaiLong": "5" if number % 4 == 0 else None,
        "NgayCapNhat": stamp,
        **values,
    }


def stamps(count: int) -> list[str]:
    return [f"202409{1 + n // 1440:02}{n // 60 % 24:02}{n % 60:02}59" for n in range(count)]


def keys(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [tuple(record[k] for k in KEYS) for record in records]


LOOKS = [
    Look("mixed", "text", False, "text"),
    Look("lower", "text", False, "json"),
    Look("mixed", "time", True, "json"),
    Look("lower", "moment", True, "text"),
    Look("mixed", "number", False, "json"),
]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: f"{look.columns}-{look.moments}-{look.lists}")
def test_every_look_of_a_table_gives_what_the_api_would(server: Server, look: Look) -> None:
    wanted = [dossier(n, stamp) for n, stamp in enumerate(stamps(450))]
    assert write_table(server.dsn, reversed(wanted), look=look).lost_values == 0
    assert read(server.dsn) == wanted
    span = (wanted[100]["NgayCapNhat"], wanted[300]["NgayCapNhat"])
    assert read(server.dsn, span=span) == wanted[100:300]
    assert read(server.dsn, span=(span[1], span[0])) == []


def test_present_state_and_schema(server: Server) -> None:
    schema = "nguồn" if server.kind == "postgres" else "src"
    if server.kind == "postgres":
        server.execute(f'create schema "{schema}"')
        server.execute(f'grant all on schema "{schema}" to public')
    versions = [dossier(1, "20240901000000"), dossier(1, "20240905000000", TrangThaiHoSo="9"), dossier(2)]
    assert write_table(server.dsn, versions, f"{schema}.Ho So", look=Look(rows="present")).rows == 2
    assert read(server.dsn, f"{schema}.Ho So") == [versions[2], versions[1]]


@pytest.mark.parametrize("look", LOOKS, ids=lambda look: look.moments)
def test_thousands_of_equal_stamps_across_page_borders(server: Server, look: Look) -> None:
    """In the order of bytes, whatever the collation: upper case before lower, letters with marks last."""
    codes = [f"{'hHđa'[n % 4]}15-{n // 4:05}" for n in range(5000)]
    stamp = "20240903090807"
    rows = [{**dict.fromkeys(FIELDS), "MaHoSo": code, "NgayCapNhat": stamp} for code in codes]
    write_table(server.dsn, rows, look=look)
    assert [r["MaHoSo"] for r in read(server.dsn, page_size=97)] == sorted(codes)


def test_equal_keys_are_never_torn_apart(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [dossier(n, TrichYeuHoSo=str(copy)) for n in range(9) for copy in range(23)]
    nameless = [dossier(0, MaHoSo=None, TrichYeuHoSo=str(copy)) for copy in range(50)]
    write_table(server.dsn, many + nameless)
    found = read(server.dsn, page_size=7)
    assert sorted((r["MaHoSo"] or "", int(r["TrichYeuHoSo"])) for r in found) == sorted(
        (r["MaHoSo"] or "", int(r["TrichYeuHoSo"])) for r in many + nameless
    )
    monkeypatch.setattr(one_stop_sql, "ROWS_OF_ONE_KEY", 20)
    with pytest.raises(DataRefused, match="more than 20 rows have the same"):
        read(server.dsn, page_size=7)


@pytest.mark.parametrize("moments", ["text", "time", "number"])
def test_rows_that_no_range_reaches_come_last_and_every_time(server: Server, moments: Any, caplog: Any) -> None:
    write_table(server.dsn, [dossier(n, s) for n, s in enumerate(stamps(230))], look=Look(moments=moments))
    stamp, code = server.quoted("NgayCapNhat"), server.quoted("MaHoSo")
    strange: dict[str, list[Any]] = {
        "text": [
            None,
            "",
            "03/09/2024 09:08",
            "2024-09-03",
            "２０２４０９０３０９０８０７",
            "19000101000000",
            "99991231000000",
        ],
        "time": [None, "1900-01-01 00:00:00", "9999-12-31 00:00:00"],
        "number": [None, 0, 1725330000, 202409030908070],
    }
    if moments == "time":
        strange["time"] += ["infinity", "-infinity", "0044-03-15 BC"] if server.kind == "postgres" else ["0000-00-00"]
    if server.kind == "mariadb":
        server.execute("set session sql_mode = ''")
    for n, value in enumerate(strange[moments]):
        server.execute(f"update dossiers set {stamp} = %s where {code} = %s", (value, f"H15.07-240903-{n:04}"))
    count = len(strange[moments])
    with caplog.at_level(logging.WARNING):
        found = read(server.dsn, page_size=50)
    assert len(found) == 230 == len({r["MaHoSo"] for r in found})
    assert [r["MaHoSo"] for r in found[-count:]] == [f"H15.07-240903-{n:04}" for n in range(count)]
    assert f"{count} rows have a NgayCapNhat that no range reaches" in caplog.text
    late = read(server.dsn, span=("20240901030000", "20240901030100"), page_size=3)
    assert len(late) == 1 + count


def test_native_types_become_the_apis_formats(server: Server) -> None:
    q = server.quoted
    postgres = server.kind == "postgres"
    server.execute(
        f"create table t ({q('MaHoSo')} char(30), mathuctuc int, MATTHC varchar(30), {q('KenhThucHien')} decimal(6,2),"
        f" DonViXuLy varchar(30), {q('TrangThaiHoSo')} smallint, NgayTiepNhan date, NgayHenTra {'timestamptz' if postgres else 'timestamp null'},"
        f" NgayTra {'timestamp(6)' if postgres else 'datetime(6)'}, DaXoa boolean, MucDo {'double precision' if postgres else 'double'},"
        f" ChuHoSo {'bytea' if postgres else 'blob'}, DanhSachLePhi {'jsonb' if postgres else 'json'}, DanhSachXinLoi text,"
        f" ghi_chu text, anh {'bytea' if postgres else 'blob'},"
        f" {q('NgayCapNhat')} {'timestamptz(6)' if postgres else 'timestamp(6) null'})"
    )
    if not postgres:
        server.execute("set session time_zone = '+00:00'")
    zone = "+00" if postgres else ""
    server.execute(
        "insert into t values (%s, 7, '1.012790', 2.00, 'H15.07', 9, '2024-09-02', %s, '2024-09-03 09:08:07.999999', true, 4,"
        " %s, %s, %s, %s, %s, %s)",
        (
            "H15.07-240903-0001", f"2024-09-03 17:30:00{zone}", "Nguyễn".encode(),
            '[{"Gia": 12000.5, "MaPhiLePhi": "LP"}, {"Gia": 10}]', "không phải JSON", "ghi chú", b"\xff\xfe",
            f"2024-09-03 17:00:00.25{zone}",
        ),
    )  # fmt: skip
    (found,) = read(server.dsn, "t", span=("20240904000000", "20240904000001"))
    assert {k: v for k, v in found.items() if v is not None} == {
        "MaHoSo": "H15.07-240903-0001" + (" " * 12 if postgres else ""),
        "MaTTHC": "1.012790",
        "KenhThucHien": "2",
        "DonViXuLy": "H15.07",
        "TrangThaiHoSo": "9",
        "NgayTiepNhan": "20240902000000",
        "NgayHenTra": "20240904003000",
        "NgayTra": "20240903090807",
        "DaXoa": "1",
        "MucDo": "4",
        "ChuHoSo": "Nguyễn",
        "DanhSachLePhi": [{"Gia": 12000.5, "MaPhiLePhi": "LP"}, {"Gia": 10}],
        "DanhSachXinLoi": "không phải JSON",
        "NgayCapNhat": "20240904000000",
        "mathuctuc": "7",
        "ghi_chu": "ghi chú",
    }
    assert set(found) == {*FIELDS, "mathuctuc", "ghi_chu"}, "binary columns that the contract does not know stay away"


def test_days_as_the_last_change(server: Server) -> None:
    server.execute(
        "create table d (MaHoSo varchar(30), MaTTHC text, KenhThucHien text, DonViXuLy text, TrangThaiHoSo text, NgayCapNhat date)"
    )
    for day in range(1, 31):
        server.execute("insert into d (MaHoSo, NgayCapNhat) values (%s, %s)", (f"A-{day}", f"2024-09-{day:02}"))
    found = read(server.dsn, "d", span=("20240905230000", "20240910080001"), page_size=2)
    assert keys(found) == [(f"A-{d}", f"202409{d:02}000000") for d in (6, 7, 8, 9, 10)]
    assert len(read(server.dsn, "d", span=("20240906000000", "20240910000000"))) == 4


def test_bytes_that_are_no_text_name_the_row(server: Server) -> None:
    write_table(server.dsn, [dossier(n) for n in range(5)])
    kind = "alter column {} type bytea using convert_to({}, 'UTF8')" if server.kind == "postgres" else "modify {} blob"
    server.execute(f"alter table dossiers {kind.replace('{}', server.quoted('ChuHoSo'))}")
    assert read(server.dsn)[3]["ChuHoSo"] == "Nguyễn Thị Ánh"
    server.execute(
        f"update dossiers set {server.quoted('ChuHoSo')} = %s where {server.quoted('MaHoSo')} like %s",
        (b"\xb8\xdf", "%3"),
    )
    with pytest.raises(DataRefused, match=r"ChuHoSo holds bytes that are not UTF-8 .* 'H15.07-240903-0003'"):
        read(server.dsn)


def test_rows_that_come_while_the_feed_is_read(server: Server) -> None:
    times = stamps(300)
    write_table(server.dsn, [dossier(n, s) for n, s in enumerate(times)])
    feed = source(server.dsn, page_size=10).pages(*EVER)
    pages = [next(feed)]
    columns = ", ".join(server.quoted(k) for k in KEYS)
    for code, stamp in (
        ("behind", times[3]),
        ("between", times[250]),
        ("ahead", "20291231000000"),
        ("later", "20300101000000"),
    ):
        server.execute(f"insert into dossiers ({columns}) values (%s, %s)", (code, stamp))
    server.execute(
        f"update dossiers set {server.quoted('NgayCapNhat')} = '20310101000000' where {server.quoted('MaHoSo')} like '%0299'"
    )
    pages += list(feed)
    check(pages)
    codes = [r["MaHoSo"] for p in pages for r in p.records]
    assert sorted(codes) == sorted([f"H15.07-240903-{n:04}" for n in range(299)] + ["between", "ahead"])
    assert "behind" in [r["MaHoSo"] for r in read(server.dsn, span=(times[0], EVER[1]))]
    assert len(read(server.dsn, span=("20300101000000", "20320101000000"))) == 2


def test_a_connection_lost_between_two_pages_and_in_a_statement(server: Server, caplog: Any) -> None:
    wanted = [dossier(n, s) for n, s in enumerate(stamps(400))]
    write_table(server.dsn, wanted)
    server.execute(f"create view slow as select d.* from dossiers d where {server.sleep(0.001)}")
    feed = source(server.dsn, "slow", page_size=20).pages(*EVER)
    pages = [next(feed), next(feed)]
    assert server.end_connections() == 1

    ended = []

    def end_a_statement() -> None:
        until = time.monotonic() + 20
        while not ended and time.monotonic() < until:
            if server.busy():
                ended.append(server.end_connections())
            time.sleep(0.002)

    thread = threading.Thread(target=end_a_statement)
    thread.start()
    pages += list(feed)
    thread.join()
    check(pages)
    assert [r for p in pages for r in p.records] == wanted
    assert ended == [1]
    assert caplog.text.count("no connection, or it was lost") == 2


def test_a_statement_that_takes_too_long_is_ended_and_given_up(server: Server) -> None:
    write_table(server.dsn, [dossier(n) for n in range(60)])
    server.execute(f"create view slow as select d.* from dossiers d where {server.sleep(1)}")
    started = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"a statement was ended after 1 s.* given up after 2 tries"):
        read(server.dsn, "slow", timeout_seconds=1, retry_budget_seconds=1.2)
    assert time.monotonic() - started < 6
    assert not server.busy(), "the server does not go on with it"


def test_stopping_interrupts_a_statement(server: Server) -> None:
    write_table(server.dsn, [dossier(n) for n in range(60)])
    server.execute(f"create view slow as select d.* from dossiers d where {server.sleep(1)}")
    feed = source(server.dsn, "slow", timeout_seconds=50).pages(*EVER)

    def stop() -> None:
        while not server.busy():
            time.sleep(0.02)
        feed.stop()

    thread = threading.Thread(target=stop)
    thread.start()
    started = time.monotonic()
    with pytest.raises(SourceUnavailable, match="stopped"):
        next(feed)
    thread.join()
    assert time.monotonic() - started < 8
    server.end_connections()  # a statement of MariaDB notices only in its next time-out that nobody listens


def test_nothing_can_be_written(server: Server) -> None:
    write_table(server.dsn, [dossier(n) for n in range(3)])
    server.execute("create table trace (n int)")
    if server.kind == "postgres":
        server.execute("grant all on trace to public")
        server.execute(
            "create function note() returns boolean language sql volatile as 'insert into trace values (1); select true'"
        )
    else:
        server.execute(
            "create function note() returns int modifies sql data begin insert into trace values (1); return 1; end"
        )
    server.execute(
        f"create view noisy as select d.* from dossiers d where note(){'' if server.kind == 'postgres' else ' = 1'}"
    )
    with pytest.raises(ConfigurationError, match="reading it would write"):
        read(server.dsn, "noisy")
    assert server.execute("select * from trace") == []


def test_missing_columns_are_null_and_missing_required_ones_are_named(server: Server) -> None:
    write_table(server.dsn, [dossier(1)], look=Look("lower"))
    server.execute("alter table dossiers drop column mucdo")
    assert read(server.dsn) == [dossier(1)]
    for name in ("matthc", "kenhthuchien"):
        server.execute(f"alter table dossiers drop column {name}")
    with pytest.raises(DataRefused, match="missing: MaTTHC, KenhThucHien; found: mahoso, mahosokhac, tentthc"):
        read(server.dsn)


@pytest.mark.parametrize(
    "name", ["x; drop table dossiers", "dossiers; --", 'do"ssiers', "do`ssiers", "none.dossiers", "."]
)
def test_tables_that_are_not_there(server: Server, name: str) -> None:
    write_table(server.dsn, [dossier(1)])
    with pytest.raises(ConfigurationError, match="there is no table or view") as caught:
        read(server.dsn, name)
    assert repr(name) in str(caught.value)
    assert read(server.dsn) == [dossier(1)]


def test_names_that_need_quotes_or_differ_in_case(server: Server) -> None:
    write_table(server.dsn, [dossier(1)], 'Ho"So`; drop table x')
    assert read(server.dsn, 'Ho"So`; drop table x') == [dossier(1)]
    assert read(server.dsn, 'ho"so`; DROP TABLE x') == [dossier(1)]


def test_an_empty_table_is_one_empty_page(server: Server) -> None:
    write_table(server.dsn, [])
    (page,) = source(server.dsn).pages(*EVER)
    assert (page.number, page.body, page.records) == (1, b'{"data":[],"next_cursor":null}', [])


def _failure(dsn: str, **settings: Any) -> OnestopError:
    with pytest.raises(OnestopError) as caught:
        read(dsn, **({"retry_budget_seconds": 0} | settings))
    assert "geheim" not in str(caught.value) and caught.value.__cause__ is None
    return caught.value


def test_what_is_wrong_with_the_address_is_said_without_the_password(server: Server, caplog: Any) -> None:
    write_table(server.dsn, [dossier(1)])
    caplog.set_level(logging.DEBUG)
    parts = urlsplit(server.dsn)
    here = parts.netloc.rpartition("@")[2]
    user = parts.username
    wrong = parts._replace(netloc=f"{user}:geheim@{here}")
    refused = _failure(wrong.geturl())
    assert isinstance(refused, ConfigurationError) and "refuses the user or the password" in refused.message
    unknown = _failure(wrong._replace(netloc=f"nobody_here:geheim@{here}").geturl())
    assert isinstance(unknown, ConfigurationError) and "refuses the user or the password" in unknown.message
    absent = _failure(parts._replace(path="/khong_co").geturl())
    assert isinstance(absent, ConfigurationError) and "no such database" in absent.message
    closed = _failure(wrong._replace(netloc=f"{user}:geheim@127.0.0.1:9").geturl())
    assert isinstance(closed, SourceUnavailable) and "no connection" in closed.message
    foreign = _failure(wrong._replace(netloc=f"{user}:geheim@khong-co.invalid").geturl())
    assert isinstance(foreign, ConfigurationError) and "no host of that name" in foreign.message
    assert "geheim" not in caplog.text


def test_the_right_to_select_is_enough_and_needed(server: Server) -> None:
    write_table(server.dsn, [dossier(1)])
    server.execute("create view shown as select * from dossiers")
    parts = urlsplit(server.dsn)
    here = parts.netloc.rpartition("@")[2]
    secret = "Mật khẩu/1"
    name = "reader_" + str(time.monotonic_ns())
    quoted_secret = secret.replace("'", "''")
    if server.kind == "postgres":
        server.execute(f"create role {name} login password '{quoted_secret}'")
        server.execute("revoke select on shown from public")
    else:
        server.execute(f"create user {name} identified by '{quoted_secret}'")
        server.execute(f"grant usage on *.* to {name}")
        server.execute("create table other (n int)")
        server.execute(f"grant select on other to {name}")
    dsn = parts._replace(netloc=f"{name}:{quote(secret, safe='')}@{here}").geturl()
    try:
        with pytest.raises(ConfigurationError, match=r"no right to read it|that the DSN's user may see"):
            read(dsn, "shown")
        server.execute(f"grant select on shown to {name}")
        assert read(dsn, "shown") == [dossier(1)]
    finally:
        if server.kind == "postgres":
            server.execute(f"drop owned by {name}")
            server.execute(f"drop role {name}")
        else:
            server.execute(f"drop user {name}")


def test_postgresqls_own_types(postgres_only: Server) -> None:
    execute = postgres_only.execute
    execute("create domain ma as varchar(40)")
    execute("create domain luc as timestamp")
    execute("create type kenh as enum ('1', '2', '3')")
    execute(
        "create materialized view m as select 'A-1'::ma as \"MaHoSo\", '1.012790'::text as MaTTHC, '2'::kenh as KenhThucHien,"
        " 'H15' as DonViXuLy, 9::numeric(10,3) as TrangThaiHoSo, '2024-09-03 09:08:07.5'::luc as NgayCapNhat,"
        " '{}'::json as DanhSachLePhi, 'infinity'::date as NgayTra, '(1,2)'::point as cho"
    )
    (found,) = read(postgres_only.dsn, "M")
    assert {k: v for k, v in found.items() if v is not None} == {
        "MaHoSo": "A-1",
        "MaTTHC": "1.012790",
        "KenhThucHien": "2",
        "DonViXuLy": "H15",
        "TrangThaiHoSo": "9",
        "DanhSachLePhi": {},
        "NgayTra": "infinity",
        "NgayCapNhat": "20240903090807",
    }


def test_moments_the_hour_before_a_jump_are_in_order(postgres_only: Server) -> None:
    """Where clocks go back an hour, local stamps repeat; the moments do not."""
    postgres_only.execute(
        "create table z as select 'A-' || n as MaHoSo, ''::text as MaTTHC, '' as KenhThucHien, '' as DonViXuLy,"
        " '' as TrangThaiHoSo, timestamptz '2024-10-26 23:00+00' + n * interval '10 minutes' as NgayCapNhat"
        " from generate_series(10, 40) n"
    )
    found = read(postgres_only.dsn, "z", page_size=4, zone=ZoneInfo("Europe/Berlin"))
    assert [r["MaHoSo"] for r in found] == [f"A-{n}" for n in range(10, 41)]


def test_mariadbs_own_types(mariadb_only: Server) -> None:
    execute = mariadb_only.execute
    execute(
        "create table m (MaHoSo varbinary(40), MaTTHC varchar(30) character set latin1, KenhThucHien enum('1','2'),"
        " DonViXuLy varchar(30), TrangThaiHoSo tinyint unsigned, DaXoa bit(1), NgayTra datetime, NgayCapNhat char(20))"
        " character set utf8mb4 collate utf8mb4_general_ci"
    )
    execute("set session sql_mode = ''")
    for code in ("b", "B", "a", "A", "á", "b "):
        execute(
            "insert into m values (%s, '1.012790é', '2', 'H15', 9, b'1', '0000-00-00', '20240903090807')",
            (code.encode(),),
        )
    found = read(mariadb_only.dsn, "m", page_size=1)
    assert [r["MaHoSo"] for r in found] == ["A", "B", "a", "b", "b ", "á"]
    assert {k: v for k, v in found[0].items() if v is not None} == {
        "MaHoSo": "A",
        "MaTTHC": "1.012790é",
        "KenhThucHien": "2",
        "DonViXuLy": "H15",
        "TrangThaiHoSo": "9",
        "DaXoa": "1",
        "NgayTra": "0000-00-00 00:00:00",
        "NgayCapNhat": "20240903090807",
    }


def test_a_server_that_hangs_is_cut_off(mariadb_only: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that the statement time-out of the server does not end still ends by the deadline of the whole range."""
    write_table(mariadb_only.dsn, [dossier(n) for n in range(20)])
    mariadb_only.execute(f"create view slow as select d.* from dossiers d where {mariadb_only.sleep(0.2)}")
    monkeypatch.setattr(one_stop_sql, "DEADLINE_FACTOR", 0.01)
    with pytest.raises(SourceUnavailable, match="no whole answer within"):
        read(mariadb_only.dsn, "slow", timeout_seconds=20, retry_budget_seconds=0)
    mariadb_only.end_connections()


def test_a_dsn_without_a_database(mariadb_only: Server) -> None:
    write_table(mariadb_only.dsn, [dossier(1)])
    bare = urlsplit(mariadb_only.dsn)._replace(path="").geturl()
    with pytest.raises(ConfigurationError, match=re.escape("there is no table or view 'dossiers'")):
        read(bare)
    assert read(bare, "src.dossiers") == [dossier(1)]
