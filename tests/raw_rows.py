"""Rows straight into raw and ops, as the pipeline would have left them: for tests of what the models make of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg import sql

# Short names of the columns in use; a value of a date is padded to 14 digits.
DATES = {
    "submitted": "ngay_nop_ho_so",
    "received": "ngay_tiep_nhan",
    "due": "ngay_hen_tra_ban_dau",
    "shown": "ngay_hen_tra",
    "ended": "ngay_ket_thuc_xu_ly",
    "updated": "ngay_cap_nhat",
}
TEXTS = {
    "code": "ma_ho_so",
    "other": "ma_ho_so_khac",
    "procedure": "ma_tthc",
    "field": "ma_linh_vuc",
    "channel": "kenh_thuc_hien",
    "level": "muc_do",
    "unit": "don_vi_xu_ly",
    "status": "trang_thai_ho_so",
    "test": "la_ho_so_thu_nghiem",
    "deleted": "da_xoa",
}
LISTS = {"supplements": "danh_sach_ho_so_bo_sung", "apologies": "danh_sach_xin_loi"}
PROCEDURE = "1.000001"
REFERENCE = {
    "agency": ("agency_code", "name_vi", "level", "parent_code", "valid_from", "valid_to"),
    "agency_succession": ("predecessor_code", "successor_code", "effective_on", "is_default", "legal_basis"),
    "procedure": (
        *("procedure_code", "name_vi", "field_code", "field_name_vi", "service_level", "has_fee", "content_complete"),
        *("valid_from", "valid_to", "processing_days", "day_kind"),
    ),
    "working_day_exception": ("day", "is_working", "reason", "document"),
}


def supplement(asked: str, answered: str | None = None, appointment: str | None = None) -> dict[str, str | None]:
    """One entry of DanhSachHoSoBoSung."""
    stamps = [value and value.ljust(14, "0") for value in (asked, answered, appointment)]
    return dict(zip(("NgayBoSung", "NgayTiepNhanBoSung", "NgayHenTraMoi"), stamps, strict=True))


def batch(
    connection: psycopg.Connection[Any], source: str, entity: str, rows: int, accepted_at: str, first_load: bool
) -> int:
    """A loaded batch in the ledger; its id."""
    row = connection.execute(
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version)"
        " values (%s, %s, 'test', %s, %s, 0, 0, 0, %s, %s, 'loaded', %s, true, %s, 'test') returning batch_id",
        [source, entity, rows, rows, accepted_at, accepted_at, accepted_at, first_load],
    ).fetchone()
    assert row is not None
    return int(row[0])


def load_dossiers(
    connection: psycopg.Connection[Any],
    records: Sequence[Mapping[str, Any]],
    *,
    accepted_at: str,
    source: str = "igate",
    first_load: bool = False,
) -> None:
    """One delivery of a one-stop system: versions with the short names above; channel 1 where none is given."""
    number = batch(connection, source, "dossier", len(records), accepted_at, first_load)
    columns = ["batch_id", "row_number", "source_id", "content_hash", *TEXTS.values(), *DATES.values(), *LISTS.values()]
    copy = sql.SQL("copy raw.one_stop_dossier ({}) from stdin").format(sql.SQL(", ").join(map(sql.Identifier, columns)))
    with connection.cursor() as cursor, cursor.copy(copy) as rows:
        for position, given in enumerate(records, 1):
            record = {"procedure": PROCEDURE, "channel": 1, **given}
            unknown = set(record) - TEXTS.keys() - DATES.keys() - LISTS.keys()
            assert not unknown, unknown
            rows.write_row(
                [
                    *(number, position, source, b""),
                    *(None if record.get(name) is None else str(record[name]) for name in TEXTS),
                    *(None if record.get(name) is None else str(record[name]).ljust(14, "0") for name in DATES),
                    *(json.dumps(record[name]) if record.get(name) is not None else None for name in LISTS),
                ]
            )


def load_reference(
    connection: psycopg.Connection[Any],
    entity: str,
    rows: Iterable[Sequence[object]],
    accepted_at: str = "2024-01-01T08:00:00+07:00",
) -> None:
    """One accepted version of a reference file; missing cells at a row's end are empty."""
    rows = list(rows)
    number = batch(connection, "reference", entity, len(rows), accepted_at, True)
    columns = ("batch_id", "row_number", *REFERENCE[entity])
    copy = sql.SQL("copy {} ({}) from stdin").format(
        sql.Identifier("raw", entity), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with connection.cursor() as cursor, cursor.copy(copy) as lines:
        for position, row in enumerate(rows, 1):
            padded = [*row, *[None] * (len(REFERENCE[entity]) - len(row))]
            lines.write_row([number, position, *padded])


def load_procedure(connection: psycopg.Connection[Any]) -> None:
    """A catalogue of one procedure, the one that dossiers have by default."""
    load_reference(connection, "procedure", [(PROCEDURE, "Thủ tục", "LD", "Lao động", "4", "0", "1")])
