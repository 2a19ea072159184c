"""A small world whose form II.06a was worked out by hand, built by dbt in both conventions and both views."""

from __future__ import annotations

import json
import logging
import re
import secrets
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row
from pytest_httpserver import HTTPServer

from onestop import config
from onestop.errors import BuildFailed, ConfigurationError, OnestopError, WarehouseUnavailable
from onestop.logs import heard
from onestop.pipeline import openlineage
from onestop.platform.note_text import lines
from onestop.resources import resource
from onestop.transform.dbt import LAYERS, BuildResult, build
from onestop.transform.documents import write_docs
from onestop.transform.freshness import check_freshness, newest_freshness
from onestop.transform.lineage import Lineage, meaning, origins, parse_column, read_schema
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres
from onestop.warehouse.migrations import migrate

pytestmark = [pytest.mark.integration, pytest.mark.every_server]

AS_OF = datetime.fromisoformat("2024-09-25T08:00:00+07:00")
PROVINCE, A, DISTRICT, B, C = "H15", "H15.01", "H15.21", "H15.21.001", "H15.21.002"
COLUMNS = (
    *("received_total", "received_online", "received_direct_postal", "received_carried_over"),
    *("resolved_total", "resolved_early", "resolved_on_time", "resolved_overdue"),
    *("in_progress_total", "in_progress_within", "in_progress_overdue"),
)
AGENCIES = [
    (PROVINCE, "Tỉnh Đắk Lắk", "province", None, None),
    (A, "Sở Lao động", "department", PROVINCE, None),
    (DISTRICT, "Huyện Một", "district", PROVINCE, None),
    (B, "Xã Một", "commune", DISTRICT, None),
    (C, "Xã Hai", "commune", DISTRICT, "2024-06-30"),  # merged into B on 1 July 2024
]


@dataclass
class Delivery:
    """A batch: who delivered, when it was accepted, and its records with short names for the columns in use."""

    source: str
    accepted_at: str
    first_load: bool
    records: list[dict[str, object]] = field(default_factory=list)

    def add(self, number: int | str, unit: str, status: int, updated: str, **more: object) -> None:
        """One version of dossier `number`; dates as 8 or 14 digits."""
        code = number if isinstance(number, str) else f"{A}-240601-{number:04d}"
        self.records.append({"code": code, "unit": unit, "status": status, "updated": updated, "channel": 1} | more)


def supplement(stopped: str, resumed: str | None = None, appointment: str | None = None) -> list[dict[str, object]]:
    stamps = [value and value.ljust(14, "0") for value in (stopped, resumed, appointment)]
    return [dict(zip(("NgayBoSung", "NgayTiepNhanBoSung", "NgayHenTraMoi"), stamps, strict=True))]


def deliveries() -> list[Delivery]:
    """The dossiers; what each is there for stands beside it."""
    igate = Delivery("igate", "2024-09-25T08:00:00+07:00", True)
    treasury = Delivery("treasury", "2024-09-25T08:00:00+07:00", True)
    tomorrow = Delivery("igate", "2024-09-26T08:00:00+07:00", False)
    add = igate.add
    # Both ends of the statutory quarter, to the second.
    add(1, A, 10, "20240615", channel=2, received="20240614235959", due="20240620", ended="20240615000000")
    add(2, A, 10, "20240914235959", channel=2, received="20240615000000", due="20240914", ended="20240914235959")
    add(3, B, 4, "20240914235959", received="20240914235959", due="20240920")
    add(4, B, 9, "20240916", channel=3, received="20240915000000", due="20240915", ended="20240916")
    # Classes of resolved: overdue; withdrawn is on time whatever its dates; without due on time.
    add(5, A, 10, "20240801", received="20240710", due="20240720", ended="20240801", procedure="9.999999")
    add(6, A, 7, "20240801", received="20240710", due="20240720", ended="20240801")
    add(7, A, 10, "20240801", channel=2, received="20240710", ended="20240801", field="MT", field_name="Môi trường")
    # Suspended: a supplement open all the time; one open only after 14/09; statuses 6 and 8 by the start of their run.
    add(8, B, 4, "20240715", channel=2, received="20240701", due="20240720", supplements=supplement("20240715"))
    add(9, B, 5, "20240915", channel=2, received="20240701", due="20240720", supplements=supplement("20240915"))
    for updated, status in (("20240705", 4), ("20240920", 6), ("20240910", 6)):  # delivered out of order
        add(10, A, status, updated, received="20240705", due="20240801")
    for updated, status in (("20240705", 4), ("20240920", 8)):
        add(11, A, status, updated, received="20240705", due="20240801")
    # Not counted: a test, a refused one, a new one, one deleted.
    add(12, A, 10, "20240701", received="20240701", due="20240708", ended="20240701", test="1")
    add(13, A, 3, "20240701")
    add(14, A, 1, "20240701", received="20240701")
    add(15, A, 4, "20240701", received="20240701", due="20240708")
    igate.records.append({"code": f"{A}-240601-0015", "deleted": "1", "updated": "20240718"})
    # Two systems: the later version wins; on a tie the source listed first; a delete leaves the other system's copy.
    add(16, A, 4, "20240801", received="20240720", due="20240805")
    treasury.add(16, B, 10, "20240802", channel=2, received="20240720", due="20240805", ended="20240802")
    add(17, A, 10, "20240803", received="20240720", due="20240803", ended="20240803")
    treasury.add(17, B, 4, "20240803", channel=2, received="20240720", due="20240803")
    add(18, A, 4, "20240721", received="20240721", due="20241001", other="G22-240721-0018")
    treasury.add("G22-240721-0018", B, 4, "20240722", received="20240721", due="20240722")
    treasury.records.append({"code": "G22-240721-0018", "deleted": "1", "updated": "20240801"})
    # A unit that was merged after it received the dossier.
    add(19, C, 10, "20240705", received="20240620", due="20240701", ended="20240705")
    # A version accepted after the build's moment.
    add(20, B, 4, "20240801", channel=2, received="20240801", due="20240901")
    tomorrow.add(20, B, 10, "20240820", channel=2, received="20240801", due="20240901", ended="20240820")
    # due: moved by a supplement, not by an apology; without a first appointment the earliest version's; none at all.
    moved = supplement("20240705", "20240708", "20240725")
    add(21, A, 10, "20240725", channel=2, received="20240701", due="20240710", ended="20240725", supplements=moved)
    sorry = [{"NgayXinLoi": "20240710000000", "NgayHenTraMoi": "20240730000000"}]
    add(22, A, 10, "20240725", channel=2, received="20240701", due="20240710", ended="20240725", apologies=sorry)
    add(23, A, 2, "20231231235959", received="20231231235959")
    add(24, A, 4, "20240702", channel=2, received="20240702", shown="20240710")
    add(24, A, 10, "20240801", channel=2, received="20240702", shown="20240730", ended="20240715")
    return [igate, treasury, tomorrow]


# Worked out by hand from the list above: columns 3 to 13.
FORMS = {
    ("statutory", "as_was"): {
        PROVINCE: (19, 9, 8, 2, 11, 2, 5, 4, 8, 5, 3),
        A: (13, 5, 6, 2, 9, 1, 5, 3, 4, 3, 1),
        DISTRICT: (6, 4, 2, 0, 2, 1, 0, 1, 4, 2, 2),
        B: (5, 4, 1, 0, 1, 1, 0, 0, 4, 2, 2),
        C: (1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0),
    },
    ("statutory", "as_is"): {
        PROVINCE: (19, 9, 8, 2, 11, 2, 5, 4, 8, 5, 3),
        A: (13, 5, 6, 2, 9, 1, 5, 3, 4, 3, 1),
        DISTRICT: (6, 4, 2, 0, 2, 1, 0, 1, 4, 2, 2),
        B: (6, 4, 2, 0, 2, 1, 0, 1, 4, 2, 2),
    },
    ("calendar", "as_was"): {
        PROVINCE: (19, 8, 8, 3, 11, 1, 5, 5, 8, 6, 2),
        A: (12, 4, 6, 2, 8, 0, 5, 3, 4, 4, 0),
        DISTRICT: (7, 4, 2, 1, 3, 1, 0, 2, 4, 2, 2),
        B: (6, 4, 2, 0, 2, 1, 0, 1, 4, 2, 2),
        C: (1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 0),
    },
    ("calendar", "as_is"): {
        PROVINCE: (19, 8, 8, 3, 11, 1, 5, 5, 8, 6, 2),
        A: (12, 4, 6, 2, 8, 0, 5, 3, 4, 4, 0),
        DISTRICT: (7, 4, 2, 1, 3, 1, 0, 2, 4, 2, 2),
        B: (7, 4, 2, 1, 3, 1, 0, 2, 4, 2, 2),
    },
}
FIELDS = {
    "?": ("Chưa rõ lĩnh vực", (1, 0, 1, 0, 1, 0, 0, 1, 0, 0, 0)),
    "LD": ("Lao động", (17, 8, 7, 2, 9, 2, 4, 3, 8, 5, 3)),
    "MT": ("Môi trường", (1, 1, 0, 0, 1, 0, 1, 0, 0, 0, 0)),
}
SUSPENDED = {"statutory": 2, "calendar": 4}  # 8 and 10; 8, 9, 10 and 11


def _batch(connection: psycopg.Connection, source: str, entity: str, rows: int, accepted_at: str, first: bool) -> int:
    row = connection.execute(
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version)"
        " values (%s, %s, 'test', %s, %s, 0, 0, 0, %s, %s, 'loaded', %s, true, %s, 'test') returning batch_id",
        [source, entity, rows, rows, accepted_at, accepted_at, accepted_at, first],
    ).fetchone()
    assert row is not None
    return int(row[0])


def load(connection: psycopg.Connection, delivery: Delivery) -> None:
    """What the pipeline would have put into raw and ops."""
    accepted, first = delivery.accepted_at, delivery.first_load
    batch = _batch(connection, delivery.source, "dossier", len(delivery.records), accepted, first)
    for number, record in enumerate(delivery.records, 1):
        text = {name: str(value) for name, value in record.items() if isinstance(value, str | int)}
        row = {
            "batch_id": batch,
            "row_number": number,
            "source_id": delivery.source,
            "content_hash": b"",
            "ma_ho_so": text["code"],
            "ma_ho_so_khac": text.get("other"),
            "ma_tthc": text.get("procedure", "1.000001.000.00.00.H15"),
            "ma_linh_vuc": text.get("field"),
            "ten_linh_vuc": text.get("field_name"),
            "kenh_thuc_hien": text.get("channel"),
            "don_vi_xu_ly": text.get("unit"),
            "trang_thai_ho_so": text.get("status"),
            "la_ho_so_thu_nghiem": text.get("test"),
            "da_xoa": text.get("deleted"),
            **{
                column: text[name].ljust(14, "0") if name in text else None
                for column, name in (
                    ("ngay_tiep_nhan", "received"),
                    ("ngay_hen_tra_ban_dau", "due"),
                    ("ngay_hen_tra", "shown"),
                    ("ngay_ket_thuc_xu_ly", "ended"),
                    ("ngay_cap_nhat", "updated"),
                )
            },
            **{
                column: json.dumps(record[name]) if name in record else None
                for column, name in (("danh_sach_ho_so_bo_sung", "supplements"), ("danh_sach_xin_loi", "apologies"))
            },
        }
        connection.execute(
            sql.SQL("insert into raw.one_stop_dossier ({}) values ({})").format(
                sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join(map(sql.Placeholder, row))
            ),
            row,
        )


def load_reference(connection: psycopg.Connection) -> None:
    """The sources, an outdated agencies.csv and the newest one, a merger, one procedure."""
    for position, source in enumerate(("igate", "treasury"), 1):
        connection.execute(
            "insert into ops.source (source_id, kind, position) values (%s, 'one_stop_api', %s)", [source, position]
        )
    for agencies in ([("H15.99", "Cũ", "department", PROVINCE, None)], AGENCIES):
        batch = _batch(connection, "reference", "agency", len(agencies), "2024-09-25T08:00:00+07:00", True)
        for number, row in enumerate(agencies, 1):
            connection.execute(
                "insert into raw.agency (batch_id, row_number, agency_code, name_vi, level, parent_code, valid_from,"
                " valid_to) values (%s, %s, %s, %s, %s, %s, '2004-01-01', %s)",
                [batch, number, *row],
            )
    batch = _batch(connection, "reference", "agency_succession", 1, "2024-09-25T08:00:00+07:00", True)
    connection.execute(
        "insert into raw.agency_succession values (%s, 1, %s, %s, '2024-07-01', '1', 'NQ 1')", [batch, C, B]
    )
    batch = _batch(connection, "reference", "procedure", 1, "2024-09-25T08:00:00+07:00", True)
    connection.execute(
        "insert into raw.procedure (batch_id, row_number, procedure_code, name_vi, field_code, field_name_vi,"
        " service_level, has_fee, content_complete) values (%s, 1, '1.000001', 'Thủ tục', 'LD', 'Lao động', '4', '0', '1')",
        [batch],
    )


def transform(dsn: str, target: Path, known_at: datetime = AS_OF, **more: object) -> BuildResult:
    return build(
        dsn,
        province_code=PROVINCE,
        timezone="Asia/Ho_Chi_Minh",
        known_at=known_at,
        target_path=target,
        **more,  # type: ignore[arg-type]
    )


def rows(dsn: str, query: str, *values: object) -> list[dict[str, object]]:
    with closing(connect(dsn)) as connection:
        return connection.cursor(row_factory=dict_row).execute(query, values).fetchall()


def form(dsn: str, convention: str, view: str, period: str = "2024-Q3") -> dict[object, tuple[object, ...]]:
    found = rows(
        dsn,
        "select * from report.form_ii_06a where (period_convention, period, org_view) = (%s, %s, %s)",
        *(convention, period, view),
    )
    return {row["agency_code"]: tuple(row[column] for column in COLUMNS) for row in found}


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all builds, so that dbt parses the project once; its name has a space."""
    return tmp_path_factory.mktemp("dbt") / "kept by dbt"


@contextmanager
def filled_database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A warehouse with the world in it, not built yet."""
    name = f"t_{secrets.token_hex(6)}"
    dsn = urlsplit(postgres.warehouse_dsn)._replace(path=f"/{name}").geturl()
    owner = sql.Identifier(urlsplit(dsn).username or "")
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin:
        admin.execute(sql.SQL("create database {} owner {} template template0").format(sql.Identifier(name), owner))
        try:
            with closing(connect(dsn, autocommit=True)) as connection:
                migrate(connection)
            with closing(connect(dsn)) as connection, connection.transaction():
                load_reference(connection)
                for delivery in deliveries():
                    load(connection, delivery)
            yield dsn
        finally:
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def world(postgres: EmbeddedPostgres, target: Path) -> Iterator[str]:
    """The world built as of AS_OF, together with dbt's unit tests."""
    with filled_database(postgres) as dsn:
        result = transform(dsn, target, run_unit_tests=True)
        assert (result.count("unit_test") >= 15, result.count("test") >= 20, result.failed) == (True, True, ())
        yield dsn


@pytest.fixture(scope="module")
def july(postgres: EmbeddedPostgres, target: Path) -> Iterator[str]:
    """The world built as it was known on 20 July 2024."""
    with filled_database(postgres) as dsn:
        transform(dsn, target, datetime.fromisoformat("2024-07-20T12:00:00+07:00"))
        yield dsn


@pytest.mark.parametrize(("convention", "view"), list(FORMS))
def test_the_form_is_as_worked_out_by_hand(world: str, convention: str, view: str) -> None:
    assert form(world, convention, view) == FORMS[convention, view]


def test_the_form_by_field(world: str) -> None:
    found = rows(
        world,
        "select * from report.form_ii_06a_field where (period_convention, period, org_view, agency_code)"
        " = ('statutory', '2024-Q3', 'as_was', %s)",
        PROVINCE,
    )
    assert {
        row["field_code"]: (row["field_name_vi"], tuple(row[column] for column in COLUMNS)) for row in found
    } == FIELDS


def test_metrics_and_form_say_the_same(world: str) -> None:
    pivot = ", ".join(f"coalesce(max(value) filter (where metric_code = '{column}'), 0)" for column in COLUMNS)
    keys = "period_convention, period, period_from, period_to, org_view, agency_code"
    of_form = "metric_code in (select metric_code from mart.dim_metric where family = 'form')"
    metrics = f"select {keys}, {pivot} from mart.quarterly_metric where field_code = '*' and {of_form} group by {keys}"
    shown = f"select {keys}, {', '.join(COLUMNS)} from report.form_ii_06a"
    assert (
        rows(world, f"select count(*) as n from ({metrics}) as m")[0]["n"]
        == rows(world, "select count(*) as n from report.form_ii_06a where received_total <> 0")[0]["n"]
    )
    assert rows(world, f"{metrics} except {shown}") == []
    odd = "denominator is not null or value = 0"
    assert rows(world, f"select 1 from mart.quarterly_metric where {of_form} and ({odd})") == []
    suspended = rows(
        world,
        "select period_convention, value from mart.quarterly_metric where (period, org_view, agency_code, field_code,"
        " metric_code) = ('2024-Q3', 'as_was', %s, '*', 'suspended_total')",
        PROVINCE,
    )
    assert {row["period_convention"]: row["value"] for row in suspended} == SUSPENDED


def test_periods_run_from_the_first_receipt_to_the_one_under_way(world: str) -> None:
    found = rows(world, "select * from mart.dim_period order by period_from, period_to")
    of = {(r["period_convention"], r["period"]): r["is_preliminary"] for r in found}
    # The first receipt is 31/12/2023 23:59:59: statutory January 2024, but calendar December 2023.
    assert of["statutory", "2024-Q3"] is False
    assert of["calendar", "2024-Q3"] is True
    assert of["statutory", "2024-M10"] is True
    assert ("calendar", "2024-M10") not in of
    assert ("statutory", "2023-Q4") not in of
    assert of["calendar", "2023-M12"] is False
    assert ("calendar", "2023-9M") not in of
    provinces = rows(world, "select 1 from report.form_ii_06a where agency_code = %s", PROVINCE)
    assert len(provinces) == 2 * len(found) > 40


def test_facts_hold_each_counted_dossier_once(world: str) -> None:
    found = rows(world, "select dossier_code, source_id, outcome, is_suspended from mart.fct_dossier order by 1")
    numbers = [int(str(row["dossier_code"])[-4:]) for row in found]
    assert numbers == [n for n in range(1, 25) if n not in (12, 13, 14, 15)]
    by_number = dict(zip(numbers, found, strict=True))
    assert by_number[16]["source_id"] == "treasury"
    assert by_number[17]["source_id"] == "igate"
    assert [n for n in numbers if by_number[n]["is_suspended"]] == [8, 9, 10, 11]


def test_the_dimensions_name_the_units_in_the_order_of_the_tree(world: str) -> None:
    found = rows(world, "select * from mart.dim_agency where is_latest order by tree_path")
    assert [row["agency_code"] for row in found] == [PROVINCE, A, DISTRICT, B, C]
    assert [row["tree_depth"] for row in found] == [1, 2, 2, 3, 3]
    assert [row["agency_code"] for row in found if not row["is_valid_now"]] == [C]


def test_every_node_is_filed_and_every_column_has_its_comment(world: str) -> None:
    filed = rows(world, "select resource_type, status, count(*) as n from ops.dbt_node_result group by 1, 2")
    assert {(row["resource_type"], row["status"]) for row in filed} >= {("model", "success"), ("test", "pass")}
    bare = rows(
        world,
        "select attrelid::regclass::text as relation, attname from pg_attribute join pg_class on attrelid = pg_class.oid"
        " where relnamespace in ('mart'::regnamespace, 'report'::regnamespace) and relkind in ('r', 'v') and attnum > 0"
        " and not attisdropped and col_description(attrelid, attnum) is null",
    )
    assert bare == []


# Worked out by hand: column 11 and its split are those of 30 September, with what was known in July.
JULY = {PROVINCE: (6, 2, 2, 2, 1, 0, 0, 1, 5, 2, 3)}


def test_a_moment_in_the_past_uses_the_versions_known_then(july: str) -> None:
    assert form(july, "calendar", "as_was")[PROVINCE] == JULY[PROVINCE]
    assert rows(july, "select 1 from mart.dim_period where period_from > '2024-07-20'") == []


def test_a_fault_keeps_the_marts_as_they_were(july: str, target: Path) -> None:
    backwards = Delivery("igate", "2024-09-25T08:00:00+07:00", True)
    backwards.add(99, A, 10, "20240801", received="20240710", ended="20240709")
    with closing(connect(july)) as connection, connection.transaction():
        load(connection, backwards)
    with pytest.raises(
        BuildFailed, match=r"the test dossiers_end_after_they_begin fails in 1 row\n.*compiled SQL: .*\.sql"
    ):
        transform(july, target)
    with closing(connect(july)) as connection, connection.transaction():
        connection.execute("update raw.one_stop_dossier set ngay_tiep_nhan = '2024' where ma_ho_so like '%-0099'")
    with heard() as said, pytest.raises(BuildFailed, match=r"model int_dossier__version: Database Error") as raised:
        transform(july, target, layers=LAYERS[1:2])
    # What the note on the run says of it.
    built, failed = lines(said, ZoneInfo("Asia/Ho_Chi_Minh"))
    assert built.startswith("whole (the build before did not end well (layers that did: none)), as known at 2024-")
    assert re.fullmatch(r"intermediate: \d+ models, \d+ tests; failed: int_dossier__version", failed)
    assert raised.value.next_step
    assert form(july, "calendar", "as_was")[PROVINCE] == JULY[PROVINCE]
    filed = rows(july, "select unique_id from ops.dbt_node_result where status in ('error', 'fail') order by 1")
    assert [str(row["unique_id"]).split(".")[2] for row in filed] == [
        "int_dossier__version",
        "dossiers_end_after_they_begin",
    ]


def test_an_empty_warehouse_has_the_provinces_empty_rows(warehouse: str, target: Path) -> None:
    transform(warehouse, target)
    found = form(warehouse, "statutory", "as_was", "2024-Q4")
    assert found == {PROVINCE: (0,) * len(COLUMNS)}


def test_one_build_at_a_time(warehouse: str, target: Path, caplog: pytest.LogCaptureFixture) -> None:
    with closing(connect(warehouse, autocommit=True)) as other:
        other.execute("select pg_advisory_lock(hashtextextended('onestop.transform', 0))")
        results: list[BuildResult] = []
        waiting = threading.Thread(target=lambda: results.append(transform(warehouse, target, layers=["staging"])))
        with caplog.at_level(logging.WARNING, logger="onestop.transform.dbt"):
            waiting.start()
            waiting.join(3)
        assert waiting.is_alive()
        assert "another build is running" in caplog.text
        other.execute("select pg_advisory_unlock_all()")
        waiting.join(60)
    staging = list((resource("dbt_project") / "models" / "staging").rglob("*.sql"))
    assert [result.count("model") for result in results] == [len(staging)]


def test_how_old_the_sources_are_is_looked_at_and_filed(world: str, target: Path) -> None:
    def look() -> dict[str, tuple[str, bool]]:
        found = check_freshness(world, province_code=PROVINCE, timezone="Asia/Ho_Chi_Minh", target_path=target)
        with closing(connect(world)) as connection:
            assert newest_freshness(connection) == sorted(found, key=lambda f: f.table)
        return {f.table: (f.status, f.loaded_at is not None) for f in found}

    def deliver(source: str, hours: int) -> None:
        with closing(connect(world)) as connection, connection.transaction():
            batch = _batch(connection, source, "dossier", 0, "2024-09-25T08:00:00+07:00", False)
            connection.execute(
                "update ops.load_batch set finished_at = now() - make_interval(hours => %s), state = 'duplicate'"
                " where batch_id = %s",
                [hours, batch],
            )

    assert look()["raw.one_stop_dossier"] == ("very late", True)
    deliver("igate", 1)  # of two systems the one that is behind speaks
    assert look()["raw.one_stop_dossier"] == ("very late", True)
    deliver("treasury", 30)  # without anything new: it answered
    seen = look()
    assert seen["raw.one_stop_dossier"] == ("late", True)
    assert seen["raw.feedback_case"] == ("fresh", True)  # no such source is configured
    with closing(connect(world)) as connection, connection.transaction():
        connection.execute("insert into ops.source (source_id, kind, position) values ('pakn', 'feedback_api', 3)")
    try:
        assert look()["raw.feedback_case"] == ("very late", False)
    finally:
        with closing(connect(world)) as connection, connection.transaction():
            connection.execute("delete from ops.source where source_id = 'pakn'")
    assert rows(world, "select count(distinct checked_at) as n from ops.source_freshness")[0]["n"] == 4


def test_the_models_are_documented_on_one_page(world: str, target: Path, tmp_path: Path) -> None:
    page = write_docs(
        world,
        province_code=PROVINCE,
        timezone="Asia/Ho_Chi_Minh",
        target_path=target,
        destination=tmp_path / "docs" / "models.html",
    )
    text = page.read_text(encoding="utf-8")
    assert "Column 13: in progress, not suspended" in text
    assert "Văn phòng UBND tỉnh" in text or "V\\u0103n ph\\u00f2ng UBND" in text
    assert re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://[^"]+"', text) == []  # it opens offline


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WarehouseUnavailable):
        transform("postgresql://nobody@127.0.0.1:9/nothing", tmp_path)


def test_lineage_leads_from_every_column_of_the_served_tables_to_what_was_delivered(world: str, target: Path) -> None:
    with closing(connect(world, autocommit=True)) as connection:
        schema = read_schema(connection)
    lineage = Lineage(target, schema)

    def delivered(text: str) -> set[str]:
        return {str(column) for column in origins(lineage.trace(parse_column(text)))}

    models = set(lineage._files)
    for table in ("mart.quarterly_metric", "mart.fct_dossier", "report.form_ii_06a"):
        name = table.partition(".")
        for column in schema[name[0]][name[2]]:
            assert not {origin.rpartition(".")[0] for origin in delivered(f"{table}.{column}")} & models
    assert "raw.one_stop_dossier.ma_ho_so" in delivered("mart.fct_dossier.dossier_code")
    assert "raw.one_stop_dossier.ngay_tiep_nhan" in delivered("fct_dossier.received_on")
    assert any(origin.startswith("raw.") for origin in delivered("mart.quarterly_metric.value"))
    first = lineage.trace(parse_column("mart.fct_dossier.dossier_code"))[0]
    assert first.expression and all(column.table.startswith("intermediate.") for column in first.made_of)
    assert meaning(parse_column("mart.fct_dossier.dossier_code"))


def test_lineage_names_what_there_is_not(world: str, target: Path, tmp_path: Path) -> None:
    with closing(connect(world, autocommit=True)) as connection:
        schema = read_schema(connection)
    for text, said in (
        ("value", "is no column"),
        ("mart.nothing.x", "there is no table"),
        ("fct_dossier.x", "has no column"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            Lineage(target, schema).trace(parse_column(text))
    with pytest.raises(OnestopError, match="have not been built"):
        Lineage(tmp_path, schema).trace(parse_column("fct_dossier.status"))


def test_lineage_events_of_loads_and_builds(
    world: str, target: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, httpserver: HTTPServer
) -> None:
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "dbt").symlink_to(target)
    (tmp_path / "province.yml").write_text(
        "province: {code: H15, name_vi: Đắk Lắk}\n"
        'sources: [{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:1", credentials: IGATE}]\n',
        encoding="utf-8",
    )
    settings = config.load(tmp_path / "province.yml")
    with closing(connect(world, autocommit=True)) as connection:
        batches, nodes = (
            connection.execute(query).fetchone()[0]  # type: ignore[index]
            for query in (
                "select count(*) from ops.load_batch",
                "select count(*) from ops.dbt_node_result where resource_type = 'model'",
            )
        )
        assert openlineage.emit(settings, connection) == batches + nodes > 50
        assert openlineage.emit(settings, connection) == 0  # twice is once
        (file,) = (settings.local / "lineage").glob("openlineage-*.jsonl")
        events = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
        assert len({event["run"]["runId"] for event in events}) == len(events)
        by_job = {event["job"]["name"]: event for event in events}
        fact = by_job["transform.mart.fct_dossier"]
        (output,) = fact["outputs"]
        assert output["name"].endswith(".mart.fct_dossier")
        assert any(one["name"].endswith(".intermediate.int_dossier") for one in fact["inputs"]) or fact["inputs"]
        fields = output["facets"]["columnLineage"]["fields"]
        assert all(one["name"].split(".")[1] == "intermediate" for one in fields["dossier_code"]["inputFields"])
        load = by_job["ingest.igate.dossier"]
        assert (load["eventType"], load["inputs"][0]["namespace"]) == ("COMPLETE", "onestop://igate")
        assert load["outputs"][0]["name"].endswith(".raw.one_stop_dossier")
        text = file.read_text(encoding="utf-8")
        assert "240601-0001" not in text, "no value of a record"

        # A collector that is down is told at the next look.
        (settings.local / "lineage" / "position.json").unlink()
        monkeypatch.setenv("OPENLINEAGE_URL", httpserver.url_for(""))
        monkeypatch.setenv("OPENLINEAGE_API_KEY", "a key")
        assert openlineage.emit(settings, connection) == 0
        httpserver.expect_request("/api/v1/lineage", headers={"Authorization": "Bearer a key"}).respond_with_data("")
        httpserver.clear_log()
        assert openlineage.emit(settings, connection) == batches + nodes == len(httpserver.log)
