"""Dossiers of the portal's files and cases of the feedback system, built by dbt beside a one-stop system's."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import date, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from onestop.transform.dbt import build
from onestop.warehouse.connection import connect

pytestmark = [pytest.mark.integration, pytest.mark.every_server]

PROVINCE = "H15"
LOADED, LATER = "2024-09-20T08:00:00+07:00", "2024-09-24T08:00:00+07:00"
BEFORE, AFTER = (datetime.fromisoformat(f"2024-09-{day}T08:00:00+07:00") for day in (22, 25))
Known = dict[datetime, dict[str, list[dict[str, object]]]]
SOURCES = ("portal", "igate", "feedback")  # the portal stands first: that must give it no say over a one-stop system


def code(number: int) -> str:
    """A provincial dossier code."""
    return f"H15.01-240801-{number:04d}"


def insert(connection: psycopg.Connection, table: str, **values: object) -> None:
    """One row into `schema.table`."""
    connection.execute(
        sql.SQL("insert into {} ({}) values ({})").format(
            sql.Identifier(*table.split(".")),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(map(sql.Placeholder, values)),
        ),
        values,
    )


def batch(connection: psycopg.Connection, source: str, entity: str, accepted_at: str) -> int:
    """A loaded batch; those of LOADED are their sources' first loads."""
    row = connection.execute(
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version)"
        " values (%s, %s, 'test', 0, 0, 0, 0, 0, %s, %s, 'loaded', %s, true, %s, 'test') returning batch_id",
        [source, entity, accepted_at, accepted_at, accepted_at, accepted_at == LOADED],
    ).fetchone()
    assert row is not None
    return int(row[0])


def portal_file(
    connection: psycopg.Connection, last: str, version: int, modified: str, rows: list[dict[str, object]], accepted: str
) -> None:
    """A HoSo file of August up to `last` (8 digits), with its rows."""
    number = batch(connection, "portal", "dossier", accepted)
    series = f"DVCQG_HoSo_{PROVINCE}_20240801_{last}"
    found = connection.execute(
        "insert into ops.portal_file (source_id, entity, name, series, version, covers_from, covers_to, modified_at,"
        " size, sha256, batch_id) values ('portal', 'dossier', %s, %s, %s, '2024-08-01', %s, %s, 1, %s, %s)"
        " returning file_id",
        [f"{series}_v{version}.xlsx", series, version, last, modified, f"{last}{version}", number],
    ).fetchone()
    assert found is not None
    for place, row in enumerate(rows, 9):
        insert(
            connection,
            "raw.portal_dossier",
            **{
                **{"batch_id": number, "row_number": place, "source_id": "portal", "content_hash": b""},
                **{"file_id": found[0], "stt": str(place), "ma_tthc": "1.000001.000.00.00.H15"},
                **{"don_vi_xu_ly": "H15.01", "kenh_thuc_hien": "2", "trang_thai_ho_so": "4"},
                **{"ngay_tiep_nhan": "20240802080000", "ngay_cap_nhat": f"{last}235959", **row},
            },
        )


def one_stop(connection: psycopg.Connection, rows: list[dict[str, object]]) -> None:
    """The first load of the one-stop system."""
    number = batch(connection, "igate", "dossier", LOADED)
    for place, row in enumerate(rows, 1):
        insert(
            connection,
            "raw.one_stop_dossier",
            **{
                **{"batch_id": number, "row_number": place, "source_id": "igate", "content_hash": b""},
                **{"ma_tthc": "1.000001", "don_vi_xu_ly": "H15.01", "kenh_thuc_hien": "1", "trang_thai_ho_so": "4"},
                **{"ngay_tiep_nhan": "20240801080000", "ngay_cap_nhat": "20240801080000", **row},
            },
        )


def feedback(connection: psycopg.Connection, accepted: str, rows: list[dict[str, object]]) -> None:
    """A delivery of the feedback system."""
    number = batch(connection, "feedback", "feedback_case", accepted)
    for place, row in enumerate(rows, 1):
        insert(
            connection,
            "raw.feedback_case",
            **{
                **{"batch_id": number, "row_number": place, "source_id": "feedback", "content_hash": b""},
                **{"trang_thai": "dang_xu_ly", "nguon": "portal", "ngay_tiep_nhan": "20240801235959"},
                **{"ngay_cap_nhat": "20240802080000", **row},
            },
        )


def fill(connection: psycopg.Connection) -> None:
    """What each dossier is there for stands beside it."""
    for position, source in enumerate(SOURCES, 1):
        insert(connection, "ops.source", source_id=source, kind="test", position=position)
    number = batch(connection, "reference", "agency", LOADED)
    for place, (unit, level, parent) in enumerate(
        [(PROVINCE, "province", None), ("H15.01", "department", PROVINCE)], 1
    ):
        insert(
            connection,
            "raw.agency",
            **{"batch_id": number, "row_number": place, "agency_code": unit, "name_vi": unit, "level": level},
            **{"parent_code": parent, "valid_from": "2004-01-01"},
        )
    one_stop(
        connection,
        [
            {"ma_ho_so": code(2), "ngay_hen_tra_ban_dau": "20240810080000"},  # older than the portal's copy, and wins
            {"ma_ho_so": code(3)},
            {"ma_ho_so": code(3), "da_xoa": "1", "ngay_cap_nhat": "20240805080000"},  # out, whatever the portal shows
            {"ma_ho_so": code(4)},  # the portal knows it by a code of its own
            {"ma_ho_so": code(9)},  # only here
        ],
    )
    shown = {"trang_thai_ho_so": "10", "ngay_ket_thuc_xu_ly": "20240810080000", "ngay_hen_tra": "20240812080000"}
    portal_file(
        connection,
        *("20240831", 1, "2024-09-02T08:00:00Z"),
        [
            {
                "ma_ho_so": code(1),
                "ngay_hen_tra": "20240820080000",
            },  # only on the portal; a later file moves its due date
            *({"ma_ho_so": code(n), **shown} for n in (2, 3)),
            {"ma_ho_so": "000.00.00.H15-240801-00004", "ma_ho_so_khac": code(4)},
            {"ma_ho_so": code(5)},  # the second version of the file no longer holds it
            {"ma_ho_so": code(6), "trang_thai_ho_so": "3"},  # refused: not counted
            # on the portal alone under two codes, and at a unit that no reference file knows
            {"ma_ho_so": code(8), "don_vi_xu_ly": "H15.99"},
            {"ma_ho_so": "000.00.00.H15-240801-00008", "ma_ho_so_khac": code(8), "don_vi_xu_ly": "H15.99"},
        ],
        LOADED,
    )
    portal_file(
        connection,
        *("20240910", 1, "2024-09-01T08:00:00Z"),
        [{"ma_ho_so": code(1), "ngay_hen_tra": "20240821080000", "don_vi_xu_ly": "H15.01"}],
        LOADED,
    )
    # Accepted between the two moments of the builds.
    portal_file(
        connection,
        *("20240831", 2, "2024-09-03T08:00:00Z"),
        [
            {"ma_ho_so": code(1), "ngay_hen_tra": "20240822080000"},
            {"ma_ho_so": code(2), **shown},
            {"ma_ho_so": code(8), "kenh_thuc_hien": "3"},
        ],
        LATER,
    )
    feedback(
        connection,
        LOADED,
        [
            {"ma_pakn": "PA1", "don_vi_xu_ly": "H15.01", "han_xu_ly": "20240815170000", "loai_noi_dung": "1"},
            {"ma_pakn": "PA2", "thuoc_tham_quyen": "0"},
        ],
    )
    feedback(
        connection,
        LATER,
        [
            {
                **{"ma_pakn": "PA1", "don_vi_xu_ly": "H15.01", "han_xu_ly": "20240815170000", "trang_thai": "da_xu_ly"},
                **{"ngay_tra_loi": "20240816000000", "ngay_cap_nhat": "20240923080000", "loai_noi_dung": "1"},
            },
            {"ma_pakn": "PA3", "ma_pakn_goc": "PA1", "ngay_tiep_nhan": "20240922080000", "thuoc_tham_quyen": "1"},
        ],
    )


@pytest.fixture(scope="module")
def known(module_warehouse: str, module_models_alone: None, tmp_path_factory: pytest.TempPathFactory) -> Known:
    """The tables' rows as of the two moments, built one after the other in one warehouse."""
    with closing(connect(module_warehouse)) as connection, connection.transaction():
        fill(connection)
    target = tmp_path_factory.mktemp("dbt")
    return {moment: tables(module_warehouse, moment, target) for moment in (BEFORE, AFTER)}


def tables(dsn: str, moment: datetime, target: Path) -> dict[str, list[dict[str, object]]]:
    """Build as of a moment and read what was built."""
    build(dsn, province_code=PROVINCE, timezone="Asia/Ho_Chi_Minh", known_at=moment, target_path=target)
    queries = {
        "dossier": "select dossier.*, place.current_agency_code from mart.fct_dossier as dossier"
        " join mart.dim_agency_place as place using (place_id) order by dossier_code",
        "feedback": "select * from mart.fct_feedback order by case_code",
        "contribution": "select * from intermediate.int_dossier__contribution order by dossier_group, is_winner desc",
        "form": "select * from report.form_ii_06a where (period_convention, period, org_view)"
        " = ('calendar', '2024-Q3', 'as_was')",
    }
    with closing(connect(dsn)) as connection:
        return {
            name: connection.cursor(row_factory=dict_row).execute(query.encode()).fetchall()
            for name, query in queries.items()
        }


def dossiers(rows: list[dict[str, object]]) -> dict[str, tuple[object, ...]]:
    return {
        str(row["dossier_code"])[-4:]: (row["source_id"], row["is_portal_only"], row["known_to_portal"]) for row in rows
    }


def test_the_portal_speaks_for_what_no_one_stop_system_ever_had(known: Known) -> None:
    assert dossiers(known[BEFORE]["dossier"]) == {
        "0001": ("portal", True, True),
        "0002": ("igate", False, True),
        "0004": ("igate", False, True),
        "0005": ("portal", True, True),
        "0008": ("portal", True, True),
        "0009": ("igate", False, False),
    }
    second = next(row for row in known[BEFORE]["dossier"] if row["dossier_code"] == code(2))
    assert (second["status"], second["due_on"], second["received_on"]) == (4, date(2024, 8, 10), date(2024, 8, 1))


def test_rows_that_a_later_version_of_a_file_no_longer_holds_are_withdrawn(known: Known) -> None:
    # 5 was in version 1 only; 4 is no longer shown by the portal, but its one-stop copy stays.
    assert dossiers(known[AFTER]["dossier"]) == {
        "0001": ("portal", True, True),
        "0002": ("igate", False, True),
        "0004": ("igate", False, False),
        "0008": ("portal", True, True),
        "0009": ("igate", False, False),
    }
    eighth = next(row for row in known[AFTER]["dossier"] if row["dossier_code"] == code(8))
    assert (eighth["channel"], eighth["agency_code"], eighth["current_agency_code"]) == (3, "H15.01", "H15.01")


def test_the_later_last_day_decides_between_files_whatever_was_delivered_later(known: Known) -> None:
    for moment in (BEFORE, AFTER):
        first = next(row for row in known[moment]["dossier"] if row["dossier_code"] == code(1))
        assert (first["due_on"], first["updated_at"]) == (date(2024, 8, 21), datetime(2024, 9, 10, 23, 59, 59))


def test_every_copy_can_be_traced_to_its_file_and_row(known: Known) -> None:
    copies = {
        (row["copy_code"], row["source_id"]): (row["dossier_code"], row["row_number"], row["is_winner"])
        for row in known[BEFORE]["contribution"]
    }
    assert {key: value for key, value in copies.items() if "0004" in str(key[0])} == {
        (code(4), "igate"): (code(4), 4, True),
        ("000.00.00.H15-240801-00004", "portal"): (code(4), 12, False),
    }
    assert {source for copy, source in copies if copy == code(3)} == set()
    assert {source for copy, source in copies if copy == code(2)} == {"igate", "portal"}
    for row in known[BEFORE]["contribution"]:
        assert (row["file_id"] is not None) is (row["source_id"] == "portal"), json.dumps(row, default=str)
    winners = [row["dossier_group"] for row in known[BEFORE]["contribution"] if row["is_winner"]]
    assert len(winners) == len(set(winners)) == 7  # the six that count, and the refused one


def test_the_form_counts_them_all_at_units_that_no_file_knows_too(known: Known) -> None:
    form = {row["agency_code"]: (row["received_total"], row["received_online"]) for row in known[BEFORE]["form"]}
    assert form == {"H15": (6, 3), "H15.01": (5, 2), "H15.99": (1, 1)}


def test_feedback_has_one_row_per_case_as_known_then(known: Known) -> None:
    shown = ("case_code", "agency_code", "is_counted", "received_on", "answered_on", "due_on", "complained_again_on")
    assert [tuple(row[column] for column in shown) for row in known[BEFORE]["feedback"]] == [
        ("PA1", "H15.01", True, date(2024, 8, 1), None, date(2024, 8, 15), None),
        ("PA2", "H15", False, date(2024, 8, 1), None, date(2024, 8, 21), None),
    ]
    assert [tuple(row[column] for column in shown) for row in known[AFTER]["feedback"]] == [
        ("PA1", "H15.01", True, date(2024, 8, 1), date(2024, 8, 16), date(2024, 8, 15), date(2024, 9, 22)),
        ("PA2", "H15", False, date(2024, 8, 1), None, date(2024, 8, 21), None),
        ("PA3", "H15", True, date(2024, 9, 22), None, date(2024, 10, 12), None),
    ]
