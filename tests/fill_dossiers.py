"""Puts the world of dossier_world.py where the pipeline would have put it: into raw and ops."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from typing import Any

import psycopg
from psycopg import sql

from dossier_recount import Batch, World
from recount import Row

VIETNAM = timezone(timedelta(hours=7))
PORTAL = {"dossier": "portal_dossier", "payment": "portal_payment", "rating": "portal_rating"}


def text(value: Any) -> Any:
    """As a source would deliver it."""
    if value is None or isinstance(value, str | bytes):
        return value
    return str(int(value)) if isinstance(value, bool) else str(value)


def _insert(connection: psycopg.Connection, table: str, rows: list[Row]) -> None:
    columns = sorted({column for row in rows for column in row})
    statement = sql.SQL("insert into raw.{} ({}) values ({})").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
    )
    with connection.cursor() as cursor:
        cursor.executemany(statement, [[_plain(row.get(column)) for column in columns] for row in rows])


def _plain(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else text(value)


def _batch(connection: psycopg.Connection, source: str, entity: str, accepted: datetime, first: bool) -> int:
    at = accepted.replace(tzinfo=VIETNAM)
    found = connection.execute(
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version)"
        " values (%s, %s, 'test', 0, 0, 0, 0, 0, %s, %s, 'loaded', %s, true, %s, 'test') returning batch_id",
        [source, entity, at, at, at, first],
    ).fetchone()
    assert found is not None
    return int(found[0])


def _file(connection: psycopg.Connection, batch: Batch, number: int) -> int:
    found = connection.execute(
        "insert into ops.portal_file (source_id, entity, name, series, version, covers_from, covers_to, modified_at,"
        " size, sha256, batch_id) values (%s, %s, %s, %s, %s, %s, %s, %s, 1, %s, %s) returning file_id",
        [
            *(
                batch.source,
                batch.entity,
                batch.name,
                f"{batch.entity}_{batch.series}",
                batch.version,
                date(2024, 1, 1),
            ),
            *(batch.covers, batch.modified.replace(tzinfo=VIETNAM), batch.name, number),
        ],
    ).fetchone()
    assert found is not None
    return int(found[0])


def fill(connection: psycopg.Connection, world: World) -> None:
    """Sources, reference files, feedback and every delivery."""
    for position, (source, kind) in enumerate(world.sources.items(), 1):
        connection.execute(
            "insert into ops.source (source_id, kind, position) values (%s, %s, %s)", [source, kind, position]
        )
    land = world.province
    for entity, rows in (
        ("agency", [row | {"name_vi": row["agency_code"]} for row in land.agencies]),
        ("agency_succession", land.successions),
        ("procedure", [row | {"name_vi": "Thủ tục"} for row in land.procedures]),
    ):
        number = _batch(connection, "reference", entity, world.known_at, True)
        delivered = [{"batch_id": number, "row_number": n, **row} for n, row in enumerate(rows, 1)]
        _insert(connection, entity, [{key: _plain(value) for key, value in row.items()} for row in delivered])
    number = _batch(connection, "pakn", "feedback_case", datetime(2024, 10, 1), True)
    _insert(connection, "feedback_case", [_case(case, number, n) for n, case in enumerate(land.cases, 1)])
    for batch in world.batches:
        number = _batch(connection, batch.source, batch.entity, batch.accepted, batch.first_load)
        more: Row = {"batch_id": number, "source_id": batch.source, "content_hash": b""}
        table = "one_stop_dossier"
        if batch.series:
            table = PORTAL[batch.entity]
            more |= {"file_id": _file(connection, batch, number), "ngay_cap_nhat": f"{batch.covers:%Y%m%d}235959"}
        _insert(connection, table, [{**row, **more, "row_number": n} for n, row in enumerate(batch.rows, 1)])


def _case(case: Row, batch: int, number: int) -> Row:
    def stamp(on: date | None) -> str | None:
        return on and f"{on:%Y%m%d}120000"

    return {
        **{"batch_id": batch, "row_number": number, "source_id": "pakn", "content_hash": b""},
        **{"ma_pakn": case["code"], "don_vi_xu_ly": case["agency_code"], "loai_noi_dung": str(case["kind"])},
        **{"ngay_tiep_nhan": stamp(case["received"]), "ngay_tra_loi": stamp(case["answered"])},
        **{"thuoc_tham_quyen": "1", "trang_thai": case["status"], "muc_do_hai_long": case["satisfaction"]},
        **{"nguon": "portal", "ngay_cap_nhat": "20241001000000"},
    }
