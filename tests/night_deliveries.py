"""Deliveries of a night, straight into raw and ops: one-stop versions, portal files, rows that came back from quarantine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql

import raw_rows

PORTAL = "dvcqg"
SOURCES = {"igate": "one_stop_api", "treasury": "one_stop_sql", PORTAL: "portal_export"}
_FILES = {
    "dossier": {
        **{"code": "ma_ho_so", "other": "ma_ho_so_khac", "procedure": "ma_tthc", "unit": "don_vi_xu_ly"},
        **{"channel": "kenh_thuc_hien", "received": "ngay_tiep_nhan", "shown": "ngay_hen_tra"},
        **{"ended": "ngay_ket_thuc_xu_ly", "status": "trang_thai_ho_so"},
    },
    "payment": {
        **{"sign": "ma_giao_dich", "code": "ma_ho_so", "amount": "so_tien", "how": "hinh_thuc"},
        **{"state": "trang_thai", "at": "ngay_thanh_toan"},
    },
    "rating": {"sign": "ma_phieu", "code": "ma_ho_so", "score": "diem", "at": "ngay_danh_gia"},
}
_DATES = {"received", "shown", "ended", "at"}


@dataclass
class Delivery:
    """What one source brought at once. A portal file has a series; `entity` says of what."""

    source: str
    rows: Sequence[Mapping[str, Any]]
    entity: str = "dossier"
    is_first: bool = False
    series: str = ""
    version: int = 1
    covers: date = field(default=date(2024, 6, 30))


def settle(connection: psycopg.Connection[Any]) -> None:
    """Sources, four units and a catalogue of one procedure: eight working days."""
    for position, (source, kind) in enumerate(SOURCES.items(), 1):
        connection.execute(
            "insert into ops.source (source_id, kind, position) values (%s, %s, %s)", [source, kind, position]
        )
    raw_rows.load_reference(
        connection,
        "agency",
        [
            ("H15", "Tỉnh", "province", None),
            ("H15.07", "Sở", "department", "H15"),
            ("H15.21", "Huyện", "district", "H15"),
            ("H15.21.01", "Xã", "commune", "H15.21"),
        ],
    )
    procedure = (raw_rows.PROCEDURE, "Thủ tục", "LD", "Lao động", "4", "0", "1", None, None, "8", "working")
    raw_rows.load_reference(connection, "procedure", [procedure])


def deliver(connection: psycopg.Connection[Any], given: Delivery, accepted_at: datetime) -> None:
    """Put a delivery where the pipeline would have put it."""
    if not given.series:
        raw_rows.load_dossiers(
            connection,
            given.rows,
            accepted_at=accepted_at.isoformat(),
            source=given.source,
            first_load=given.is_first,
        )
        return
    number = raw_rows.batch(
        connection, given.source, given.entity, len(given.rows), accepted_at.isoformat(), given.is_first
    )
    name = f"{given.series}_v{given.version}"
    file = connection.execute(
        "insert into ops.portal_file (source_id, entity, name, series, version, covers_from, covers_to, modified_at, size,"
        " sha256, batch_id) values (%s, %s, %s, %s, %s, '2024-01-01', %s, %s, 1, %s, %s) returning file_id",
        [given.source, given.entity, name, given.series, given.version, given.covers, accepted_at, name, number],
    ).fetchall()[0][0]
    insert_rows(connection, given, number, file)


def insert_rows(connection: psycopg.Connection[Any], given: Delivery, batch: int, file: int) -> None:
    """The rows of a portal file, brought by a batch."""
    columns = _FILES[given.entity]
    defaults = {"procedure": raw_rows.PROCEDURE, "channel": "1", "amount": "1000"}
    for position, row in enumerate(given.rows, 1):
        said = {**{name: text for name, text in defaults.items() if name in columns}, **row}
        values = {
            **{
                "batch_id": batch,
                "row_number": position,
                "source_id": given.source,
                "content_hash": b"",
                "file_id": file,
            },
            "ngay_cap_nhat": f"{given.covers:%Y%m%d}235959",
            **{
                columns[name]: str(value).ljust(14, "0") if name in _DATES else str(value)
                for name, value in said.items()
                if value is not None
            },
        }
        connection.execute(
            sql.SQL("insert into raw.{} ({}) values ({})").format(
                sql.Identifier(f"portal_{given.entity}"),
                sql.SQL(", ").join(map(sql.Identifier, values)),
                sql.SQL(", ").join([sql.Placeholder()] * len(values)),
            ),
            list(values.values()),
        )


def replay(connection: psycopg.Connection[Any], of: int, accepted_at: datetime) -> int:
    """The batch that brings rows of an earlier one back from quarantine."""
    number = raw_rows.batch(connection, PORTAL, "dossier", 1, accepted_at.isoformat(), False)
    connection.execute(
        "update ops.load_batch set replays_batch_id = %s, reached_end = false, source_id ="
        " (select b.source_id from ops.load_batch as b where b.batch_id = %s) where batch_id = %s",
        [of, of, number],
    )
    return number
