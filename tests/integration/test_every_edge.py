"""Every rule of the form at every edge, worked out by hand: one dossier per case, one unit per case, one build.

A case says where its dossier comes from (online, direct, carried) and where it stands at the period's end (early,
on_time, overdue: resolved; within, late: in progress), period by period; None: it is in neither column.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

import raw_rows
from onestop.resources import resource
from onestop.transform.dbt import build
from onestop.warehouse.connection import connect
from onestop.working_time import Stop, WorkingCalendar, read_exceptions
from raw_rows import supplement

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
NOW = datetime.fromisoformat("2025-09-25T08:00:00+07:00")
ROOT = "H15"
Where = dict[str, tuple[str, str] | None]
IN = {"online": "received_online", "direct": "received_direct_postal", "carried": "received_carried_over"}
OUT = {
    **{"early": "resolved_early", "on_time": "resolved_on_time", "overdue": "resolved_overdue"},
    **{"within": "in_progress_within", "late": "in_progress_overdue"},
}


@dataclass
class Case:
    """One dossier: its versions (short names of raw_rows; unit and code are added), and where it counts."""

    name: str
    versions: list[dict[str, Any]]
    statutory: Where = field(default_factory=dict)
    calendar: Where = field(default_factory=dict)
    working_days: int | None = None
    suspended_days: int = 0


def done(received: str, due: str | None, ended: str, status: int = 10, **more: Any) -> dict[str, Any]:
    """One version of a dossier that has ended."""
    return {"received": received, "due": due, "ended": ended, "status": status, "updated": ended} | more


def running(received: str, due: str | None, status: int = 4, **more: Any) -> dict[str, Any]:
    """One version of a dossier in progress."""
    return {"received": received, "due": due, "status": status, "updated": received} | more


CASES = [
    # -- The statutory quarter, 15 June to 14 September 2024, to the second; the calendar quarter ends on 30 September.
    Case(
        "the last second of 14 June is the quarter before, midnight is this one",
        [done("20240614235959", "20240620", "20240615000000")],
        {"2024-Q2": ("direct", "within"), "2024-Q3": ("carried", "early"), "2024-Q4": None},
        {"2024-Q2": ("direct", "early"), "2024-Q3": None},
        working_days=0,  # Friday to Saturday
    ),
    Case(
        "midnight of 15 June and the last second of 14 September lie in one quarter",
        [done("20240615000000", "20240914", "20240914235959", channel=2)],
        {"2024-Q2": None, "2024-Q3": ("online", "on_time"), "2024-Q4": None},
        {"2024-Q2": ("online", "within"), "2024-Q3": ("carried", "on_time"), "2024-Q4": None},
        working_days=62,  # 13 weeks of 5 (Saturday to Saturday) less 2 and 3 September and a storm's day
    ),
    Case(
        "due on the quarter's last day is within; ended a second later it is overdue",
        [done("20240914235959", "20240914", "20240915000000")],
        {"2024-Q3": ("direct", "within"), "2024-Q4": ("carried", "overdue")},
        {"2024-Q3": ("direct", "overdue"), "2024-Q4": None},
        working_days=0,
    ),
    Case(
        "due the day before the quarter's last day is overdue while in progress",
        [running("20240901", "20240913")],
        {"2024-Q3": ("direct", "late"), "2024-Q4": ("carried", "late")},
        {"2024-Q3": ("direct", "late")},
    ),
    # -- 31 March, 31 December: calendar ends; 14 and 15 December: the statutory year's.
    Case(
        "the last second of 31 March",
        [done("20240331235959", "20240401", "20240401000000")],
        {"2024-Q1": None, "2024-Q2": ("direct", "on_time")},
        {"2024-Q1": ("direct", "within"), "2024-Q2": ("carried", "on_time")},
        working_days=1,  # Sunday to Monday
    ),
    Case(
        "the last second of 31 December, and New Year's Day",
        [done("20231231235959", "20240105", "20240101000000")],
        {"2023-Q4": None, "2024-Q1": ("direct", "early"), "2023": None, "2024": ("direct", "early")},
        {"2023-Q4": ("direct", "within"), "2024-Q1": ("carried", "early"), "2023": ("direct", "within")},
        working_days=0,  # 1 January is a holiday
    ),
    Case(
        "14 December is the old statutory year",
        [done("20231214235959", "20231215", "20231214235959")],
        {"2023-Q4": ("direct", "early"), "2024-Q1": None},
        {"2023-Q4": ("direct", "early")},
        working_days=0,
    ),
    Case(
        "15 December is the new statutory year",
        [done("20231215000000", "20231215", "20231215000000")],
        {"2023-Q4": None, "2024-Q1": ("direct", "on_time"), "2024-M01": ("direct", "on_time")},
        {"2023-Q4": ("direct", "on_time"), "2023-M12": ("direct", "on_time")},
        working_days=0,
    ),
    # -- Working time.
    Case(
        "received and resolved on one day",
        [done("20240703080000", "20240703", "20240703160000", channel=3)],
        {"2024-Q3": ("direct", "on_time")},
        working_days=0,  # the day of receipt is not counted
    ),
    Case(
        "over Tết",
        [done("20240207", "20240215", "20240215")],
        {"2024-Q1": ("direct", "on_time")},
        working_days=1,  # 8, 9, 12, 13, 14 February off; 15 alone counts
    ),
    Case(
        "over a swapped Monday and its make-up Saturday",
        [done("20240426", "20240506", "20240506")],
        {"2024-Q2": ("direct", "on_time")},
        working_days=4,  # 2, 3, Saturday 4 and 6 May; 29 and 30 April, 1 May off
    ),
    Case(
        "over a day off that the province's own file orders",
        [done("20240718", "20240722", "20240722")],
        working_days=1,  # 19 July off (a storm); 22 counts
    ),
    # -- Supplements: open at the quarter's end (14 September)?
    Case(
        "asked on the last day: suspended, so within, whatever is due",
        [running("20240701", "20240720", 5, supplements=[supplement("20240914235959")])],
        {"2024-Q3": ("direct", "within"), "2024-Q4": ("carried", "within")},
        {"2024-Q3": ("direct", "within")},
        # up to today: 269 Mondays to Fridays, less 12 days off in 2025, plus the make-up Saturday 26 April
        suspended_days=258,
    ),
    Case(
        "asked the day after: not suspended yet",
        [running("20240701", "20240720", 5, supplements=[supplement("20240915000000")])],
        {"2024-Q3": ("direct", "late"), "2024-Q4": ("carried", "within")},
        {"2024-Q3": ("direct", "within")},
        suspended_days=258,
    ),
    Case(
        "answered on the last day: no longer suspended",
        [running("20240701", "20240720", supplements=[supplement("20240910", "20240914235959")])],
        {"2024-Q3": ("direct", "late")},
        suspended_days=3,  # 11, 12, 13 September; the 14th is a Saturday
    ),
    Case(
        "answered the day after: still suspended on the last day",
        [running("20240701", "20240720", supplements=[supplement("20240910", "20240915")])],
        {"2024-Q3": ("direct", "within"), "2024-Q4": ("carried", "late")},
        {"2024-Q3": ("direct", "late")},
        suspended_days=3,
    ),
    Case(
        "two supplements that overlap take each day out once, and the latest appointment is due",
        [
            done(
                *("20240701", "20240708", "20240712"),
                supplements=[
                    supplement("20240702", "20240704", "20240710"),
                    supplement("20240703", "20240705", "20240712"),
                ],
            )
        ],
        {"2024-Q3": ("direct", "on_time")},
        working_days=6,  # 2 to 5 and 8 to 12 July are 9; 3, 4 and 5 out
        suspended_days=3,
    ),
    Case(
        "a supplement still open at the end stops the clock up to the end, and never shortens the time",
        [done("20240701", "20240712", "20240709", supplements=[supplement("20240704", None, "20240705")])],
        {"2024-Q3": ("direct", "early")},
        working_days=3,  # 2, 3, 4 July; 5, 8, 9 out
        suspended_days=3,
    ),
    # -- Classes of resolved.
    Case(
        "withdrawn is on time, however late",
        [done("20240701", "20240705", "20240801", status=7)],
        {"2024-Q3": ("direct", "on_time")},
        working_days=22,  # July has 22 working days after the 1st, less 19 July, plus 1 August
    ),
    Case(
        "without a due date on time",
        [done("20240701", None, "20240801")],
        {"2024-Q3": ("direct", "on_time")},
        working_days=22,
    ),
    Case(
        "without a due date never overdue",
        [running("20240701", None)],
        {"2024-Q3": ("direct", "within"), "2025-Q3": ("carried", "within")},
    ),
    Case(
        "an apology moves nothing",
        [
            done(
                *("20240701", "20240710", "20240715"),
                shown="20240720",
                apologies=[{"NgayXinLoi": "20240710000000", "NgayHenTraMoi": "20240720000000"}],
            )
        ],
        {"2024-Q3": ("direct", "overdue")},
        working_days=10,
    ),
    Case(
        "without a first appointment the earliest version's counts, though delivered later",
        [
            {**done("20240701", None, "20240715"), "shown": "20240720"},
            {**running("20240701", None), "shown": "20240710", "updated": "20240702"},
        ],
        {"2024-Q3": ("direct", "overdue")},
        working_days=10,
    ),
    Case(
        "an end date under another status is none",
        [running("20240701", "20240710", ended="20240708")],
        {"2024-Q3": ("direct", "late")},
    ),
    # -- Suspension by status takes no day out, and counts from the run's first version.
    Case(
        "waiting for a fee since the last day",
        [running("20240701", "20240720"), {**running("20240701", "20240720", 6), "updated": "20240914235959"}],
        {"2024-Q3": ("direct", "within")},
    ),
    Case(
        "stopped a second after it",
        [running("20240701", "20240720"), {**running("20240701", "20240720", 8), "updated": "20240915000000"}],
        {"2024-Q3": ("direct", "late"), "2024-Q4": ("carried", "within")},
    ),
    Case(
        "supplement asked for, with an empty list",
        [{**running("20240701", "20240720", 5), "supplements": [], "updated": "20240910"}],
        {"2024-Q3": ("direct", "within")},
    ),
    Case(
        "supplement asked for, all of the list answered: in progress",
        [running("20240701", "20240720", 5, supplements=[supplement("20240702", "20240703")])],
        {"2024-Q3": ("direct", "late")},
        suspended_days=1,
    ),
    # -- What does not count.
    Case("new", [running("20240701", "20240720", 1)], {"2024-Q3": None}),
    Case("refused", [running("20240701", "20240720", 3)], {"2024-Q3": None}),
    Case("a test", [running("20240701", "20240720", test="1")], {"2024-Q3": None}),
    Case(
        "deleted",
        [running("20240701", "20240720"), {"deleted": "1", "updated": "20240801"}],
        {"2024-Q3": None},
    ),
]


def unit_of(case: Case) -> str:
    return f"{ROOT}.C{CASES.index(case):02d}"


# -- Units through time. as_was and as_is: where a dossier of the unit, received on the day, counts, root left out.
PHU_YEN, TREASURY, DISTRICT = "H45", "KB", "H15.20"
UNITS = [
    (ROOT, "Tỉnh Đắk Lắk", "province", None, None, None),
    (TREASURY, "Kho bạc Nhà nước", "department", None, None, None),  # hangs nowhere, so under the root
    (PHU_YEN, "Tỉnh Phú Yên", "province", None, None, "2025-06-30"),
    ("H45.30", "Huyện Sông Hinh", "district", PHU_YEN, None, "2025-06-30"),
    ("H45.30.1", "Xã Ea Bia", "commune", "H45.30", None, "2025-06-30"),
    ("H45.07", "Sở Tư pháp Phú Yên", "department", PHU_YEN, None, "2025-06-30"),
    (DISTRICT, "Huyện Lắk", "district", ROOT, None, "2025-06-30"),
    ("H15.20.1", "Xã Một", "commune", DISTRICT, None, "2025-06-30"),
    ("H15.20.2", "Xã Hai", "commune", DISTRICT, None, "2025-06-30"),
    ("H15.20.3", "Xã Ba", "commune", DISTRICT, None, "2025-06-30"),
    ("H15.20.3", "Xã Ba", "commune", ROOT, "2025-07-01", None),  # keeps its code in the new tree
    ("H15.20.4", "Xã Tách", "commune", DISTRICT, None, "2025-06-30"),
    ("H15.20.5", "Xã Cũ", "commune", DISTRICT, None, "2023-12-31"),
    ("H15.20.6", "Đội thuế", "branch", DISTRICT, None, "2025-06-30"),
    ("H15.101", "Xã Liên Sơn", "commune", ROOT, "2025-07-01", None),
    ("H15.102", "Xã Tách Mới", "commune", ROOT, "2025-07-01", None),
    ("H15.103", "Xã Sông Hinh", "commune", ROOT, "2025-07-01", None),
    ("H15.07", "Sở Tư pháp", "department", ROOT, None, None),
    ("H15.08", "Sở Cũ", "department", ROOT, None, None),
    ("H15.09", "Sở Mới", "department", ROOT, "2025-09-25", None),
]
SUCCESSIONS = [
    ("H15.20.5", "H15.20.1", "2024-01-01", "1"),  # the chain's first link
    ("H15.20.1", "H15.101", "2025-07-01", "1"),  # merged
    ("H15.20.2", "H15.101", "2025-07-01", "1"),
    ("H15.20.3", "H15.20.3", "2025-07-01", "1"),  # its own successor, with part of it going elsewhere
    ("H15.20.3", "H15.102", "2025-07-01", "0"),
    ("H15.20.4", "H15.101", "2025-07-01", "0"),  # split: the default is the later row
    ("H15.20.4", "H15.102", "2025-07-01", "1"),
    ("H45.30.1", "H15.103", "2025-07-01", "1"),
    ("H15.08", "H15.09", "2025-09-25", "1"),  # renamed, in force on the build's day
    ("H15.07", "H15.09", "2025-09-26", "1"),  # not in force yet
]
PLACES: list[tuple[str, str, str, list[str], list[str]]] = [
    ("merged, received before", "H15.20.1", "20250630", ["H15.20.1", DISTRICT], ["H15.101"]),
    ("merged, received on the day itself, names the old unit", "H15.20.1", "20250701", ["H15.20.1", DISTRICT], ["H15.20.1", DISTRICT]),
    ("the new unit", "H15.101", "20250701", ["H15.101"], ["H15.101"]),
    ("the new unit before it existed", "H15.101", "20250601", ["H15.101"], ["H15.101"]),
    ("a chain of successions", "H15.20.5", "20231231", ["H15.20.5", DISTRICT], ["H15.101"]),
    ("a chain, received after its first link", "H15.20.5", "20240101", ["H15.20.5", DISTRICT], ["H15.20.5", DISTRICT]),
    ("a split follows its default", "H15.20.4", "20250101", ["H15.20.4", DISTRICT], ["H15.102"]),
    ("a split, the dossier names the new unit", "H15.102", "20250101", ["H15.102"], ["H15.102"]),
    ("its own successor, then", "H15.20.3", "20250630", ["H15.20.3", DISTRICT], ["H15.20.3"]),
    ("its own successor, now", "H15.20.3", "20250701", ["H15.20.3"], ["H15.20.3"]),
    ("an abolished district's own", DISTRICT, "20250101", [DISTRICT], [DISTRICT]),
    ("retired without successor", "H15.20.6", "20250101", ["H15.20.6", DISTRICT], ["H15.20.6", DISTRICT]),
    ("renamed, in force since today", "H15.08", "20250924", ["H15.08"], ["H15.09"]),
    ("renamed, received today", "H15.08", "20250925", ["H15.08"], ["H15.08"]),
    ("renamed, in force tomorrow", "H15.07", "20250101", ["H15.07"], ["H15.07"]),
    ("the State Treasury", TREASURY, "20250101", [TREASURY], [TREASURY]),
    ("a commune of the merged province", "H45.30.1", "20250101", ["H45.30.1", "H45.30", PHU_YEN], ["H15.103"]),
    ("a department of it, without successor", "H45.07", "20250101", ["H45.07", PHU_YEN], ["H45.07", PHU_YEN]),
    ("the merged province itself", PHU_YEN, "20250101", [PHU_YEN], [PHU_YEN]),
    ("a unit that no file knows", "H99.1", "20250101", ["H99.1"], ["H99.1"]),
    ("the root itself", ROOT, "20250101", [], []),
]  # fmt: skip


@dataclass(frozen=True)
class Reorganisation:
    """286 communes of 24 districts in two provinces become 102: 278 whole, 8 split in two. Generated."""

    agencies: list[tuple[object, ...]]
    successions: list[tuple[str, str, str, str]]
    default: dict[str, str]
    above: dict[str, list[str]]
    dossiers: list[tuple[str, str, str]]
    """Unit named, day of receipt, first unit as_is."""


def reorganisation() -> Reorganisation:
    """Old communes R.d.c, new ones R.1nn; dossiers of both before, on and after 1 July 2025."""
    choice = random.Random(1)
    agencies: list[tuple[object, ...]] = []
    above: dict[str, list[str]] = {}
    for number in range(24):
        parent = ROOT if number < 15 else PHU_YEN
        district = f"R.{number:02d}"
        agencies.append((district, f"Huyện {number}", "district", parent, None, "2025-06-30"))
        above[district] = [PHU_YEN] if parent == PHU_YEN else []
    old = [f"R.{number % 15 if number < 180 else 15 + number % 9:02d}.{number:03d}" for number in range(286)]
    for commune in old:
        district = commune.rpartition(".")[0]
        agencies.append((commune, f"Xã {commune}", "commune", district, None, "2025-06-30"))
        above[commune] = [district, *above[district]]
    new = [f"R.1{number:03d}" for number in range(102)]
    agencies += [(commune, f"Xã {commune}", "commune", ROOT, "2025-07-01", None) for commune in new]
    above |= {commune: [] for commune in new}
    default = {commune: new[position % 102] for position, commune in enumerate(old)}
    successions = [(commune, default[commune], "2025-07-01", "1") for commune in old]
    successions += [
        (commune, new[(position * 7 + 1) % 102], "2025-07-01", "0") for position, commune in enumerate(old[:8])
    ]
    choice.shuffle(successions)
    dossiers = []
    for commune in old + new:
        for day, is_before in (("20250110", True), ("20250630", True), ("20250701", False), ("20250820", False)):
            dossiers.append((commune, day, default.get(commune, commune) if is_before else commune))
    return Reorganisation(agencies, successions, default, above, dossiers)


REFORM = reorganisation()


def own_exceptions() -> list[tuple[object, ...]]:
    """The province's own file: a storm in 2024, and many days of years that the national list does not know."""
    choice = random.Random(2)
    days = {date(1880, 1, 1) + timedelta(days=choice.randrange(95_000)) for _ in range(300)}
    kept = sorted(day for day in days if not 2021 <= day.year <= 2027)
    rows = [(day.isoformat(), str(choice.randrange(2)), "", "") for day in kept]
    return [("2024-07-19", "0", "Nghỉ tránh bão", "CĐ 1"), *rows]


@pytest.fixture(scope="module")
def built(module_warehouse: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The one build, and where dbt left the SQL that it ran."""
    target = tmp_path_factory.mktemp("dbt")
    with closing(connect(module_warehouse)) as connection, connection.transaction():
        connection.execute("insert into ops.source (source_id, kind, position) values ('igate', 'one_stop_api', 1)")
        cases = [(unit_of(case), case.name, "department", ROOT) for case in CASES]
        raw_rows.load_reference(connection, "agency", [*UNITS, *cases, *REFORM.agencies])
        raw_rows.load_reference(connection, "agency_succession", [*SUCCESSIONS, *REFORM.successions])
        raw_rows.load_reference(connection, "working_day_exception", own_exceptions())
        raw_rows.load_procedure(connection)
        records = [
            {"unit": unit_of(case), "code": f"{unit_of(case)}-1"} | version
            for case in CASES
            for version in case.versions
        ]
        records += [
            running(day, None, unit=unit, code=f"P-{number}") for number, (_, unit, day, _, _) in enumerate(PLACES)
        ]
        records += [
            running(day, None, unit=unit, code=f"R-{number}") for number, (unit, day, _) in enumerate(REFORM.dossiers)
        ]
        # Moved: everything counts where the current version says, in the quarter before the move too.
        records += [
            running("20240801", "20240810", unit=f"{ROOT}.MOVED_FROM", code="M-1"),
            running("20240801", "20240810", unit=f"{ROOT}.MOVED_TO", code="M-1", updated="20241101"),
        ]
        raw_rows.load_dossiers(connection, records, accepted_at="2025-09-25T08:00:00+07:00", first_load=True)
    build(module_warehouse, province_code=ROOT, timezone="Asia/Ho_Chi_Minh", known_at=NOW, target_path=target)
    yield module_warehouse, target


def rows(built: tuple[str, Path], query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(psycopg.connect(built[0], autocommit=True)) as connection:
        return connection.execute(query.encode(), values or None).fetchall()


def where(row: dict[str, int] | None) -> tuple[str, str] | None:
    """A one-dossier row of the form in a case's words; None for a row without anything."""
    if row is None:
        return None
    (came,) = [name for name, column in IN.items() if row[column]]
    (stands,) = [name for name, column in OUT.items() if row[column]]
    assert row["received_total"] == 1
    return came, stands


def test_every_case_counts_where_it_was_worked_out(built: tuple[str, Path]) -> None:
    columns = [*IN.values(), *OUT.values(), "received_total"]
    found = {
        (convention, period, unit): dict(zip(columns, numbers, strict=True))
        for convention, period, unit, *numbers in rows(
            built,
            f"select period_convention, period, agency_code, {', '.join(columns)} from report.form_ii_06a"
            " where org_view = 'as_was' and agency_code like 'H15.C%%'",
        )
    }
    checked, wrong = 0, []
    for case in CASES:
        for convention, periods in (("statutory", case.statutory), ("calendar", case.calendar)):
            for period, expected in periods.items():
                stands = where(found.get((convention, period, unit_of(case))))
                checked += 1
                if stands != expected:
                    wrong.append((case.name, convention, period, stands, expected))
    assert checked > 60
    assert wrong == []


def test_every_case_has_its_working_days(built: tuple[str, Path]) -> None:
    found = {
        code: (days, suspended)
        for code, days, suspended in rows(
            built,
            "select dossier_code, processing_working_days, suspended_working_days"
            " from intermediate.int_dossier__working_time where dossier_code like 'H15.C%%'",
        )
    }
    counted = [case for case in CASES if not all(w is None for w in case.statutory.values()) or not case.statutory]
    assert {f"{unit_of(case)}-1" for case in counted} == found.keys()
    wrong = [
        (case.name, found[f"{unit_of(case)}-1"], (case.working_days, case.suspended_days))
        for case in counted
        if found[f"{unit_of(case)}-1"] != (case.working_days, case.suspended_days)
    ]
    assert wrong == []


def test_a_moved_dossier_counts_where_it_is_now(built: tuple[str, Path]) -> None:
    found = rows(
        built,
        "select period, org_view, agency_code, in_progress_overdue from report.form_ii_06a"
        " where agency_code like 'H15.MOVED%%' and period in ('2024-Q3', '2025-Q1') and period_convention = 'statutory'"
        " order by 1, 2",
    )
    assert found == [
        (period, view, "H15.MOVED_TO", 1) for period in ("2024-Q3", "2025-Q1") for view in ("as_is", "as_was")
    ]


def chains(built: tuple[str, Path], prefix: str) -> dict[str, tuple[list[str], list[str]]]:
    """Every dossier's units in both views, nearest first."""
    return {
        code: (was, now)
        for code, was, now in rows(
            built,
            "select dossier.dossier_code, place.chain_as_was, place.chain_as_is"
            " from intermediate.int_dossier__counted as dossier"
            " inner join intermediate.int_agency__place as place using (place_id) where dossier_code like %s",
            f"{prefix}-%",
        )
    }


def test_units_through_time(built: tuple[str, Path]) -> None:
    found = chains(built, "P")
    assert len(found) == len(PLACES)
    wrong = []
    for number, (name, _, _, was, now) in enumerate(PLACES):
        expected = ([*was, ROOT], [*now, ROOT])
        if found[f"P-{number}"] != expected:
            wrong.append((name, found[f"P-{number}"], expected))
    assert wrong == []


def test_286_communes_become_102(built: tuple[str, Path]) -> None:
    assert (len(REFORM.default), len(set(REFORM.default.values()))) == (286, 102)
    found = chains(built, "R")
    assert len(found) == len(REFORM.dossiers) == 4 * 388
    for number, (unit, _, current) in enumerate(REFORM.dossiers):
        was = [unit, *REFORM.above[unit], ROOT]
        now = [current, *REFORM.above[current], ROOT]
        assert found[f"R-{number}"] == (was, now), (unit, current)
    # As shown: in the quarter of the reform (15 June to 14 September) a new commune has, as_is, its own four and two
    # of each predecessor.
    for view, old_units in (("as_was", 286), ("as_is", 286)):
        shown = dict(
            rows(
                built,
                "select agency_code, received_total from report.form_ii_06a where (period_convention, period, org_view)"
                " = ('statutory', '2025-Q3', %s) and agency_code like 'R.%%.%%'",
                view,
            )
        )
        assert len(shown) == old_units
        assert set(shown.values()) == ({4} if view == "as_was" else {2})
    shown = dict(
        rows(
            built,
            "select agency_code, received_total from report.form_ii_06a where (period_convention, period, org_view)"
            " = ('statutory', '2025-Q3', 'as_is') and agency_code like 'R.1___'",
        )
    )
    predecessors = [list(REFORM.default.values()).count(code) for code in sorted(shown)]
    assert (len(shown), [shown[code] for code in sorted(shown)]) == (102, [4 + 2 * number for number in predecessors])


def test_additive_totals_agree_in_both_views(built: tuple[str, Path]) -> None:
    columns = ", ".join((*IN.values(), *OUT.values()))
    differing = rows(
        built,
        f"select period_convention, period from report.form_ii_06a where agency_code = 'H15'"
        f" group by period_convention, period having count(distinct ({columns})) <> 1 or count(*) <> 2",
    )
    assert differing == []
    [(periods,)] = rows(
        built, "select count(*) from report.form_ii_06a where agency_code = 'H15' and org_view = 'as_is'"
    )
    assert periods > 60


def test_100_000_random_cases_are_the_same_in_python_and_sql(built: tuple[str, Path]) -> None:
    """The model's own SQL, as dbt compiled it, over temporary dossiers, against onestop.working_time."""
    dsn, target = built
    compiled = next(target.rglob("compiled/**/int_dossier__working_time.sql")).read_text(encoding="utf-8")
    model = re.sub(r'"[^"]+"\."intermediate"\."(int_dossier__counted|int_build__moment)"', r"pg_temp.\1", compiled)
    assert model.count("pg_temp.") == 2
    seed = resource("dbt_project") / "seeds" / "national_working_day_exception.csv"
    national = read_exceptions(seed.read_text(encoding="utf-8").splitlines())
    own = {date.fromisoformat(str(day)): flag == "1" for day, flag, *_ in own_exceptions()}
    calendar = WorkingCalendar(national | own)
    known_on = date(2025, 9, 25)
    choice = random.Random(3)
    begin = datetime(1870, 1, 1)

    def near(day: date, before: int, after: int) -> date:
        return day + timedelta(days=choice.randint(-before, after))

    dossiers, stops, expected = [], [], []
    for number in range(100_000):
        span = 60_000 if number % 2 else 1_900  # in any year from 1870 on, or in those with a national list
        start = begin if number % 2 else datetime(2021, 6, 1)
        received_at = start + timedelta(days=choice.randrange(span), seconds=choice.randrange(86_400))
        submitted_at = None if number % 10 == 0 else received_at - timedelta(seconds=choice.randint(-90_000, 900_000))
        received = received_at.date()
        finished = None if number % 5 == 0 else near(received, 0, 120)
        supplements = []
        for _ in range(choice.choice((0, 0, 1, 2, 3))):
            asked = near(received, 10, 90)
            supplements.append(Stop(asked, None if choice.random() < 0.2 else near(asked, 3, 30)))
        dossiers.append((str(number), submitted_at, received_at, received, finished))
        stops += [(str(number), stop.requested, stop.answered) for stop in supplements]
        years = [received] if finished is None else [received, finished]
        expected.append(
            (
                calendar.suspended_days(supplements, received, known_on if finished is None else finished),
                None if finished is None else calendar.processing_days(supplements, received, finished),
                None if submitted_at is None else calendar.intake_seconds(submitted_at, received_at),
                all(calendar.is_official(day) for day in years),
                all(calendar.is_official(moment.date()) for moment in (received_at, submitted_at) if moment),
            )
        )
    with closing(psycopg.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(b"create temp table int_build__moment as select %s::date as known_on", [known_on])
        cursor.execute(
            "create temp table dossier (dossier_code text, submitted_at timestamp, received_at timestamp,"
            " received_on date, finished_on date)"
        )
        cursor.execute("create temp table stop (dossier_code text, stopped_on date, resumed_on date)")
        with cursor.copy("copy dossier from stdin") as copy:
            for row in dossiers:
                copy.write_row(row)
        with cursor.copy("copy stop from stdin") as copy:
            for entry in stops:
                copy.write_row(entry)
        # Supplements become a multirange as in int_dossier__counted.
        cursor.execute(
            "create temp table int_dossier__counted as select dossier.*, stopped_during from dossier left join ("
            " select dossier_code, range_agg(daterange(stopped_on, resumed_on)) filter (where stopped_on is not null"
            " and (resumed_on is null or resumed_on > stopped_on)) as stopped_during from stop group by dossier_code"
            ") as stopped using (dossier_code)"
        )
        cursor.execute("analyze int_dossier__counted")
        cursor.execute(f"select * from ({model}) as model order by dossier_code::int".encode())
        found = [row[1:] for row in cursor.fetchall()]
    assert len(found) == 100_000
    assert [pair for pair in zip(dossiers, found, expected, strict=True) if pair[1] != pair[2]][:5] == []
