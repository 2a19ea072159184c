"""A build that follows the change ends in the same tables as a build of the whole history."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import raw_rows
from dossier_world import ROOT, world
from fill_dossiers import VIETNAM, fill
from night_builds import COMPARED, Model, Nights, differences, keep_compiled, public_tables, read_models
from night_deliveries import PORTAL, Delivery, deliver, insert_rows, replay, settle
from onestop.transform.dbt import BuildResult, build
from onestop.warehouse.connection import connect

pytestmark = pytest.mark.integration
FIRST = datetime(2024, 10, 20, 8, tzinfo=VIETNAM)
NEXT = FIRST + timedelta(days=1)
WHOLE = "whole_"


@dataclass
class Built:
    """A province built whole, then for the night after, then whole once more beside it."""

    dsn: str
    night: BuildResult
    models: list[Model]
    before_the_merger: dict[str, list[str | None]]


def build_all(dsn: str, target: Path, known_at: datetime, prefix: str = "") -> BuildResult:
    return build(
        dsn,
        province_code=ROOT,
        timezone="Asia/Ho_Chi_Minh",
        known_at=known_at,
        target_path=target,
        schema_prefix=prefix,
    )


@pytest.fixture(scope="module")
def built(module_warehouse: str, module_models_alone: None, tmp_path_factory: pytest.TempPathFactory) -> Built:
    dsn, target = module_warehouse, tmp_path_factory.mktemp("dbt") / "served"
    with closing(connect(dsn)) as connection, connection.transaction():
        fill(connection, world(seed=12, size=150))
        of_units_that_merge(connection)
    build_all(dsn, target, FIRST)
    before = told_of_units_that_merge(dsn)
    whole = keep_compiled(target, "whole")
    with closing(connect(dsn)) as connection, connection.transaction():
        a_night(connection)
    night = build_all(dsn, target, NEXT)
    change = keep_compiled(target, "change")
    build_all(dsn, target.with_name("beside"), NEXT, WHOLE)
    return Built(dsn, night, read_models(target, whole, change), before)


APART = ("H15.01.01-240902-9000", "H15.01.01-240902-9001", "H15.101-240902-9002")


def of_units_that_merge(connection: psycopg.Connection[Any]) -> None:
    """A dossier that the portal shows at the unit that becomes the successor; two that are on one side each, at either."""
    row = {"status": 4, "received": "20240902083000"}
    here = Delivery("igate", [row | {"code": code, "unit": "H15.01.01", "updated": "20240903"} for code in APART[:2]])
    there = Delivery(
        PORTAL, [row | {"code": code, "unit": "H15.101"} for code in (APART[0], APART[2])], series="merger",
        covers=datetime(2024, 9, 30),
    )  # fmt: skip
    for delivery in (here, there):
        deliver(connection, delivery, FIRST - timedelta(hours=2))


def told_of_units_that_merge(dsn: str) -> dict[str, list[str | None]]:
    with closing(connect(dsn)) as connection:
        rows = connection.execute(
            "select dossier_code, result, counterpart_code, responsible_agency_code from mart.reconciliation_dossier"
            " where dossier_code = any(%s)",
            [list(APART)],
        ).fetchall()
    return {code: told for code, *told in rows}


def a_night(connection: psycopg.Connection[Any]) -> None:
    """Something of every kind that can change a dossier, to dossiers of the random province."""
    accepted = NEXT - timedelta(hours=2)
    shown = connection.execute(
        "select dossier_code, source_id, cast(to_char(updated_at, 'YYYYMMDDHH24MISS') as text),"
        " cast(to_char(received_at, 'YYYYMMDDHH24MISS') as text) from mart.fct_dossier"
        " where not is_portal_only and other_code is null order by dossier_code limit 40"
    ).fetchall()
    records: dict[str, list[dict[str, Any]]] = {"igate": [], "treasury": []}
    for n, (code, source, updated, received) in enumerate(shown):
        row: dict[str, Any] = {"code": code, "unit": "H15.01", "status": 4, "received": received, "updated": updated}
        match n % 8:
            case 0:
                row |= {"updated": "20241020220000", "status": 10, "ended": "20241020"}
            case 1:
                row |= {"updated": "20230101", "due": "20240101", "shown": "20231230"}  # late, and older than all
            case 2:
                row |= {"status": 8}  # a twin of the newest version
            case 3:
                row = {"code": code, "deleted": "1", "updated": "20241020220000"}
            case 4:
                row |= {"updated": "20241020220000", "other": shown[n + 8][0] if n + 8 < len(shown) else None}
            case 5:
                row |= {"updated": "20241020220000", "unit": "H15.NEW"}  # a unit that no file knows
            case 6:
                row |= {"updated": "20241020220000", "supplements": [raw_rows.supplement("20241001")]}
            case 7:
                row |= {"updated": "20241020220000", "status": 3}  # counts no more
        records[source].append(row)
    for source, rows in records.items():
        assert rows
        deliver(connection, Delivery(source, rows), accepted)
    codes = [code for code, *_ in shown]
    portal = {"unit": "H15.01", "status": "10", "received": "20240601", "ended": "20240605"}
    for file in (
        # The September file once more: most of its rows are withdrawn.
        Delivery(PORTAL, [portal | {"code": codes[0]}, portal | {"code": "G22.99-241001-0001"}], series="dossier_9",
                 version=3, covers=datetime(2024, 9, 30)),
        Delivery(PORTAL, [{"sign": "new", "code": codes[8], "how": "Trực tuyến", "state": "Thành công"}], "payment",
                 series="payment_x"),
        Delivery(PORTAL, [{"sign": "new", "code": codes[0], "score": "1", "at": "20241001"}], "rating",
                 series="rating_x"),
    ):  # fmt: skip
        deliver(connection, file, accepted)
    june = connection.execute("select file_id, batch_id from ops.portal_file where series = 'dossier_6'").fetchall()[0]
    back = Delivery(PORTAL, [portal | {"code": codes[16]}], covers=datetime(2024, 6, 30))
    insert_rows(connection, back, replay(connection, june[1], accepted), june[0])
    # A reorganisation that has begun: its dossiers keep their place, and get another successor.
    raw_rows.load_reference(
        connection, "agency_succession", [("H15.01.01", "H15.101", "2024-10-21", "1", None)], accepted.isoformat()
    )


def test_a_night_ends_in_the_tables_of_a_whole_build(built: Built) -> None:
    tables = public_tables(built.dsn)
    assert len(tables) > 25
    assert differences(built.dsn, WHOLE, [*tables, *COMPARED]) == {}


def test_a_merger_ends_a_conflict_and_shows_who_could_be_the_same(built: Built) -> None:
    assert built.before_the_merger == {
        APART[0]: ["unit_conflict", None, "H15.01.01"],
        APART[1]: ["only_here", None, "H15.01.01"],
        APART[2]: ["only_there", None, "H15.101"],
    }
    assert told_of_units_that_merge(built.dsn) == {
        APART[0]: ["matched", None, "H15.101"],
        APART[1]: ["only_here", APART[2], "H15.101"],
        APART[2]: ["only_there", APART[1], "H15.101"],
    }


def test_a_units_login_may_see_whatever_it_must_act_on(built: Built) -> None:
    """Rows are shown by the unit that they name; after a merger another one must act, which has that unit under it."""
    told = "select agency_code, responsible_agency_code from mart."
    with closing(connect(built.dsn)) as connection:
        rows = connection.execute(
            "select agency_code, responsible_agency_code, agency_code = any(ops.units_under(responsible_agency_code))"
            f" from ({told}reconciliation_dossier union {told}lateness_disagreement) as row_".encode()
        ).fetchall()
    assert ("H15.01.01", "H15.101", True) in rows
    assert [row for row in rows if row[2] is not True] == []


def test_the_night_touched_what_it_changed_and_little_else(built: Built) -> None:
    rows = {node.name: node.rows for node in built.night.nodes if node.kind == "model"}
    with closing(connect(built.dsn)) as connection:
        (changed,), (all_of_them,) = (
            connection.execute(f"select count(*) from {name}".encode()).fetchall()[0]
            for name in ("intermediate.int_dossier__changed", "mart.fct_dossier")
        )
        (how,) = connection.execute("select array_agg(is_whole order by round_id) from ops.build_round").fetchall()[0]
    assert how == [True, False]
    assert 40 <= changed < all_of_them + 60
    for name in ("fct_dossier", "int_dossier__counted", "int_dossier__measure", "int_reconciliation__pair"):
        written = rows[name]
        assert written is not None and 20 <= written <= changed, (name, written, changed)
    # What stands as its code says is not looked at.
    assert not {node.name for node in built.night.nodes if node.kind == "seed" or node.name.startswith("stg_")}


def test_open_dossiers_are_found_by_their_due_date(built: Built) -> None:
    """Indexes that dbt cannot configure stand after a whole build and after a night: of a unit's, and of all."""
    with closing(connect(built.dsn)) as connection:
        for schema in ("mart", f"{WHOLE}mart"):
            found = connection.execute(
                "select indexdef from pg_indexes where (schemaname, tablename) = (%s, 'fct_dossier')", [schema]
            ).fetchall()
            assert sorted(text.partition(" USING ")[2] for (text,) in found if " WHERE " in text) == [
                "btree (agency_code, due_on, dossier_code) WHERE (finished_on IS NULL)",
                "btree (due_on, dossier_code, agency_code, is_suspended) WHERE (finished_on IS NULL)",
            ]


# The same models without dbt, for many nights.
NIGHT = datetime(2024, 6, 12, 8, tzinfo=VIETNAM)
CODES = [f"H15.07-240601-{n:04d}" for n in range(7)]
UNITS = ["H15.07", "H15.21.01", "H15.NEW"]


@pytest.fixture
def nights(built: Built, warehouse: str) -> Iterator[Nights]:
    with psycopg.connect(built.dsn) as connection:
        made = Nights(warehouse, built.models, connection.info.dbname)
    made.take_seeds(built.dsn)
    with closing(connect(warehouse)) as connection, connection.transaction():
        settle(connection)
    yield made


def play(nights: Nights, deliveries: list[list[Delivery]]) -> None:
    """Build night after night, and hold the last one against a whole build."""
    with closing(connect(nights.dsn, autocommit=True)) as connection:
        for table in ("one_stop_dossier", "portal_dossier", "portal_payment", "portal_rating"):
            connection.execute(f"truncate raw.{table}".encode())
        connection.execute("delete from ops.portal_file")
        connection.execute("delete from ops.load_batch where source_id <> 'reference'")
        for number, night in enumerate(deliveries):
            now = NIGHT + timedelta(days=number)
            for n, given in enumerate(night):
                # one in four counts only after the build: it is known to the next
                deliver(connection, given, now + timedelta(hours=1 if n % 4 == 3 else -1))
            nights.build(now, whole=number == 0)
    nights.build(NIGHT + timedelta(days=len(deliveries) - 1), whole=True, prefix=WHOLE)
    assert differences(nights.dsn, WHOLE, COMPARED) == {}


def version(code: int, updated: str, **more: Any) -> dict[str, Any]:
    row = {"code": CODES[code], "unit": "H15.07", "status": 4, "received": "20240601", "updated": f"202406{updated}"}
    return {**row, **more}


EDGES: dict[str, list[list[Delivery]]] = {
    "late, and older than what is known": [
        [Delivery("igate", [version(0, "10", shown="20240620"), version(1, "09")])],
        [Delivery("igate", [version(0, "05", shown="20240604"), version(1, "03", status=8)])],
    ],
    "a twin of one moment": [
        [Delivery("igate", [version(0, "10")])],
        [Delivery("igate", [version(0, "10", status=10, ended="20240610")])],
    ],
    "deleted, and risen again": [
        [Delivery("igate", [version(0, "05"), version(1, "05")])],
        [Delivery("igate", [{"code": CODES[0], "deleted": "1", "updated": "20240606"}])],
        [Delivery("igate", [version(0, "07", status=9, ended="20240607")])],
    ],
    "a link joins two groups": [
        [Delivery("igate", [version(0, "05", other=CODES[1]), version(2, "05", other=CODES[3])]),
         Delivery("treasury", [version(n, "04") for n in range(4)])],
        [Delivery("treasury", [version(1, "06", other=CODES[3])])],
    ],
    "a link that only an old version had": [
        [Delivery("igate", [version(3, "05", other=CODES[0]), version(0, "05")])],
        [Delivery("igate", [version(3, "06")])],
        [Delivery("igate", [version(0, "08", status=7, ended="20240608")])],
    ],
    "a portal file is replaced, another takes its place": [
        [Delivery("igate", [version(0, "05")]),
         Delivery(PORTAL, [{"code": c, "other": CODES[5], "unit": "H15.21.01", "status": 4, "received": "20240601"}
                           for c in (CODES[0], CODES[4])], series="a")],
        [Delivery(PORTAL, [{"code": CODES[0], "unit": "H15.07", "status": 4, "received": "20240601"}], series="a",
                  version=2)],
        [Delivery(PORTAL, [{"code": CODES[4], "unit": "H15.07", "status": 9, "received": "20240601",
                            "ended": "20240605"}], series="b")],
    ],
    "payments and ratings alone, then moved to another code": [
        [Delivery("igate", [version(n, "05", status=10, ended="20240605") for n in range(3)])],
        [Delivery(PORTAL, [{"sign": "t", "code": CODES[0], "how": "Trực tuyến", "state": "Thành công"}], "payment",
                  series="p"),
         Delivery(PORTAL, [{"sign": "r", "code": CODES[1], "score": 2, "at": "20240606"}], "rating", series="r")],
        [Delivery(PORTAL, [{"sign": "t", "code": CODES[2], "how": "Trực tuyến", "state": "Thành công"}], "payment",
                  series="p2", covers=datetime(2024, 7, 1)),
         Delivery(PORTAL, [{"sign": "r", "code": CODES[0], "score": 5, "at": "20240606"}], "rating", series="r",
                  version=2)],
        [Delivery(PORTAL, [], "payment", series="p2", version=2)],
    ],
    "days pass over an open supplement": [
        [Delivery("igate", [version(0, "05", supplements=[raw_rows.supplement("20240606")]), version(1, "05", status=6),
                            version(2, "05", supplements=[raw_rows.supplement("20240613", "20240614")])])],
        [], [], [],
    ],
    "a due date, an appointment on the portal and a limit go by": [
        [Delivery("igate", [version(0, "05", shown="20240613"), version(1, "05", shown="20240701"),
                            version(2, "05", shown="20240614", supplements=[raw_rows.supplement("20240606", "20240607")])]),
         Delivery(PORTAL, [{"code": CODES[n], "unit": "H15.07", "status": 4, "received": "20240601", "shown": "20240614"}
                           for n in (0, 1, 3)], series="a")],
        [], [], [],
    ],
    "two systems and the portal show it; then one of them no more": [
        [Delivery("igate", [version(0, "05")]), Delivery("treasury", [version(0, "04"), version(1, "04", other=CODES[0])]),
         Delivery(PORTAL, [{"code": c, "unit": "H15.21.01", "status": 9, "received": "20240602", "ended": "20240605"}
                           for c in CODES[:2]], series="a")],
        [Delivery("treasury", [{"code": CODES[0], "deleted": "1", "updated": "20240606"}, version(1, "06", status=8)])],
        [Delivery("igate", [version(0, "08", status=10, ended="20240608")]), Delivery(PORTAL, [], series="a", version=2)],
    ],
    "nothing at all was known on the first night": [[], [Delivery("igate", [version(0, "05", unit="H15.NEW")])]],
}  # fmt: skip


def test_every_edge_ends_in_the_tables_of_a_whole_build(nights: Nights) -> None:
    judged = 0
    for name, deliveries in EDGES.items():
        try:
            play(nights, deliveries)
        except AssertionError as problem:
            raise AssertionError(name) from problem
        with closing(connect(nights.dsn)) as connection:
            ((rows,),) = connection.execute("select count(*) from mart.lateness_disagreement").fetchall()
            judged += rows
    assert judged > 3, "no lateness to compare"


def test_a_merger_alone_explains_differences_anew(nights: Nights) -> None:
    """In a night that brings nothing else: two on one side each could be the same, two units are one."""
    here = [version(0, "05", unit="H15.21.01"), version(1, "05", unit="H15.21.01")]
    there = [{"code": CODES[n], "unit": "H15.07", "status": 4, "received": "20240601"} for n in (1, 2)]
    said = "select dossier_group, result, likely_cause from intermediate.int_reconciliation__cause order by 1"
    with closing(connect(nights.dsn, autocommit=True)) as connection:
        for delivery in (Delivery("igate", here), Delivery(PORTAL, there, series="a")):
            deliver(connection, delivery, NIGHT - timedelta(hours=1))
        nights.build(NIGHT, whole=True)
        assert connection.execute(said).fetchall() == [
            (CODES[0], "only_here", "unknown"),
            (CODES[1], "unit_conflict", "unknown"),
            (CODES[2], "only_there", "unknown"),
        ]
        accepted = (NIGHT + timedelta(hours=23)).isoformat()
        raw_rows.load_reference(
            connection, "agency_succession", [("H15.21.01", "H15.07", "2024-06-11", "1", None)], accepted
        )
        nights.build(NIGHT + timedelta(days=1), whole=False)
        assert connection.execute(said).fetchall() == [
            (CODES[0], "only_here", "other_code_missing"),
            (CODES[2], "only_there", "other_code_missing"),
        ]
    nights.build(NIGHT + timedelta(days=1), whole=True, prefix=WHOLE)
    tables = [one for one in COMPARED if one[1].startswith("int_reconciliation__")]
    assert differences(nights.dsn, WHOLE, tables) == {}


def test_differences_wait_for_what_delivers_them(nights: Nights) -> None:
    """Each for its own system, for those of its unit, or for any; what another brings explains none of them anew."""
    shown = [("0", "H15.07", 9, "20240601"), ("3", "H15.07", 4, "20240607"), ("4", "H15.21.01", 4, "20240607"),
             ("5", "H15.NEW", 4, "20240607")]  # fmt: skip
    there = [
        {
            "code": CODES[int(n)],
            "unit": unit,
            "status": status,
            "received": day,
            "ended": "20240608" if status == 9 else None,
        }
        for n, unit, status, day in shown
    ]
    deliveries = [
        [Delivery("igate", [version(0, "05", shown="20240620"), version(1, "05")]),
         Delivery("treasury", [version(2, "04", unit="H15.21.01")]),
         Delivery(PORTAL, there, series="a", covers=date(2024, 6, 8))],
        [Delivery("treasury", [version(2, "10", unit="H15.21.01")])],
        [Delivery("igate", [version(1, "10")])],
    ]  # fmt: skip
    waiting, explained = [], []
    with closing(connect(nights.dsn, autocommit=True)) as connection:
        for number, night in enumerate(deliveries):
            now = NIGHT + timedelta(days=number)
            for delivery in night:
                deliver(connection, delivery, now - timedelta(hours=1))
            nights.build(now, whole=number == 0)
            for found, query in (
                (waiting, "select dossier_group from intermediate.int_reconciliation__cause"
                          " where likely_cause = 'not_yet_delivered_here' order by 1"),
                (explained, "select dossier_code from intermediate.int_reconciliation__explained order by 1"),
            ):  # fmt: skip
                found.append([CODES.index(code) for (code,) in connection.execute(query.encode()).fetchall()])
    assert waiting == [[0, 3, 4, 5], [0, 3], []]
    assert explained == [[], [2, 4, 5], [0, 1, 3]]
    nights.build(NIGHT + timedelta(days=2), whole=True, prefix=WHOLE)
    assert differences(nights.dsn, WHOLE, COMPARED) == {}


def reject(connection: psycopg.Connection[Any], code: str, rule: str, seen: datetime, **payload: str) -> int:
    """A row of igate that goes into quarantine; its unit, where no rule accuses it, is H15.07."""
    number = raw_rows.batch(connection, "igate", "dossier", 1, seen.isoformat(), False)
    said = {"MaTTHC": raw_rows.PROCEDURE, "TrangThaiHoSo": "10", "KenhThucHien": "1", **payload}
    ((row,),) = connection.execute(
        "insert into quarantine.rejected_row (source_id, entity, batch_id, row_number, record_key, key_code, rule_ids,"
        " warning_ids, payload, first_seen_at, content_hash, agency_code, version)"
        " values ('igate', 'dossier', %(batch)s, 1, %(code)s, %(code)s, array[%(rule)s], '{}', %(said)s, %(seen)s, %(hash)s,"
        " 'H15.07', %(version)s) returning rejected_id",
        {
            **{"batch": number, "code": code, "rule": rule, "seen": seen, "said": json.dumps(said)},
            **{"hash": code.encode(), "version": f"{seen:%Y%m%d%H%M%S}"},
        },
    ).fetchall()
    return int(row)


def became(connection: psycopg.Connection[Any], row: int, event: str, status: str, at: datetime) -> None:
    connection.execute(
        "insert into quarantine.row_event (rejected_id, event, status_before, status_after, happened_at, by_whom, reason)"
        " values (%s, %s, 'open', %s, %s, 'A', 'so')",
        [row, event, status, at],
    )


def test_consequences_follow_what_becomes_of_rejected_rows(nights: Nights) -> None:
    """Newly rejected, of another unit after all, come back, dismissed; a night without any of it touches nothing."""
    old = {"NgayTiepNhan": "20230301080000", "NgayKetThucXuLy": "20230306080000"}
    rejected: dict[str, int] = {}

    def first(connection: psycopg.Connection[Any], at: datetime) -> None:
        done = {"received": "20230301", "updated": "20230305", "ended": "20230305", "status": 10}
        deliver(connection, Delivery("igate", [version(0, "05"), version(1, "05", status=10, ended="20240604")]), at)
        deliver(connection, Delivery("igate", [version(n, "05") | done for n in (2, 3, 4)]), at)
        rejected["old"] = reject(connection, "H15.07-230301-0100", "OS-004", at, **old)

    def newly_rejected(connection: psycopg.Connection[Any], at: datetime) -> None:
        dates = {"NgayTiepNhan": "20240603080000", "NgayKetThucXuLy": "20240607080000"}
        rejected["nowhere"] = reject(connection, "H15.07-240603-0101", "OS-011", at, **dates)
        rejected["again"] = reject(connection, CODES[1], "OS-004", at, **dates)

    def counts_otherwise(connection: psycopg.Connection[Any], at: datetime) -> None:
        """The dossier that counts, while its rejected row stays what it was."""
        deliver(connection, Delivery("igate", [version(1, "11", status=10, ended="20240611")]), at)

    def of_another_unit(connection: psycopg.Connection[Any], at: datetime) -> None:
        became(connection, rejected["nowhere"], "rejudged", "open", at)
        connection.execute(
            "update quarantine.rejected_row set rule_ids = '{OS-003}', agency_code = 'H15.21.01' where rejected_id = %s",
            [rejected["nowhere"]],
        )

    def come_back(connection: psycopg.Connection[Any], at: datetime) -> None:
        became(connection, rejected["again"], "replayed", "replayed", at)
        deliver(connection, Delivery("igate", [version(1, "12", status=10, ended="20240607")]), at)

    def dismissed(connection: psycopg.Connection[Any], at: datetime) -> None:
        became(connection, rejected["old"], "dismissed", "dismissed", at)

    def nothing(_: psycopg.Connection[Any], at: datetime) -> None:
        assert at

    moved: dict[str, set[str]] = {}
    nights_of_rows = (first, newly_rejected, counts_otherwise, of_another_unit, come_back, nothing, dismissed)
    for number, night in enumerate(nights_of_rows):
        now = NIGHT + timedelta(days=number)
        with closing(connect(nights.dsn, autocommit=True)) as connection:
            night(connection, now - timedelta(hours=1))
            nights.build(now, whole=number == 0)
            shown = connection.execute(
                "select period from intermediate.int_quarantine__moved where is_moved"
            ).fetchall()
            moved[night.__name__] = {period for (period,) in shown}
            ((uncertain,),) = connection.execute("select count(*) from mart.metric_consequence").fetchall()
            assert uncertain > 0, night.__name__
        nights.build(now, whole=True, prefix=WHOLE)
        assert differences(nights.dsn, WHOLE, COMPARED) == {}, night.__name__
    years = {name: {period[:4] for period in periods} for name, periods in moved.items()}
    assert years["nothing"] == set()
    assert years["newly_rejected"] == {"2024"} < years["first"]
    assert "2024-Q2" in moved["of_another_unit"] & moved["come_back"]
    assert "2023-Q1" in moved["dismissed"]


days = st.integers(1, 12).map(lambda n: f"202406{n:02d}")
version_rows = st.fixed_dictionaries(
    {
        "code": st.sampled_from(CODES),
        "updated": st.integers(0, 40).map(lambda n: f"202406{1 + n // 4:02d}{n % 4:02d}"),
        "unit": st.sampled_from(UNITS),
        "status": st.sampled_from([2, 4, 4, 5, 6, 8, 3, 7, 9, 10, 10]),
        "received": days,
        "ended": days,
        "other": st.sampled_from([None, None, *CODES]),
        "shown": st.none() | days,
        "deleted": st.sampled_from([None, None, None, None, "1"]),
        "channel": st.sampled_from([1, 2]),
        "supplements": st.none() | st.lists(st.builds(raw_rows.supplement, days, st.none() | days, st.none() | days)),
        "apologies": st.none() | days.map(lambda day: [{"NgayXinLoi": day + "000000"}]),
    }
)
one_stop = st.builds(
    Delivery,
    st.sampled_from(["igate", "treasury"]),
    # distinct codes and moments within a delivery; another delivery may bring a twin
    st.lists(version_rows, min_size=1, max_size=5, unique_by=lambda row: (row["code"], row["updated"])),
)
shown_rows = st.fixed_dictionaries(
    {
        "code": st.sampled_from(CODES),
        "other": st.sampled_from([None, None, *CODES]),
        "unit": st.sampled_from(UNITS),
        "status": st.sampled_from([1, 4, 9, 10]),
        "received": days,
        "ended": days,
    }
)
signs = st.fixed_dictionaries({"sign": st.sampled_from("abc"), "code": st.sampled_from(CODES), "at": days})
files = st.one_of(
    st.builds(
        Delivery, st.just(PORTAL), st.lists(shown_rows, max_size=4), st.just("dossier"),
        series=st.sampled_from(["dossier_x", "dossier_y"]),
    ),
    st.builds(
        Delivery, st.just(PORTAL),
        st.lists(signs.map(lambda s: s | {"how": "Trực tuyến", "state": "Thành công"}), max_size=3),
        st.just("payment"), series=st.sampled_from(["payment_x", "payment_y"]),
    ),
    st.builds(
        Delivery, st.just(PORTAL), st.lists(signs.map(lambda s: s | {"score": int(s["at"][-1]) % 5 + 1}), max_size=3),
        st.just("rating"), series=st.sampled_from(["rating_x", "rating_y"]),
    ),
)  # fmt: skip


@given(st.lists(st.lists(one_stop | files, max_size=4), min_size=2, max_size=5))
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_sequence_of_versions_ends_in_the_tables_of_a_whole_build(
    nights: Nights, deliveries: list[list[Delivery]]
) -> None:
    for version_number, given_file in enumerate(d for night in deliveries for d in night if d.series):
        given_file.version = version_number + 1
    play(nights, deliveries)
