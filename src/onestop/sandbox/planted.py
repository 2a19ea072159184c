"""A planted truth for the reconciliation: dossiers of province and portal with every kind of difference, and its cause.

Rows go straight into a migrated warehouse's raw tables, by SQL, so that a quarter of a million of them take seconds. What
is planted stands in the table `planted`: for each dossier the result, the conflicts and the cause (planted_stories).
"""

from __future__ import annotations

from typing import Any

import psycopg

from onestop.sandbox.planted_stories import (
    BLURRED_SHARE,
    CONFLICTS,
    EXPORTED_ON,
    HERE,
    KNOWN_AT,
    PLANTS,
    PROVINCE,
    THERE,
    UNLINKED,
    Plant,
)

__all__ = ["EXPORTED_ON", "KNOWN_AT", "PROVINCE", "plant"]


def plant(connection: psycopg.Connection[tuple[Any, ...]], dossiers: int) -> None:
    """Fill a migrated, empty warehouse and the table `planted` with about so many dossiers on each side."""
    _frame(connection)
    first = 1
    for story in PLANTS:
        count = max(dossiers * story.share // 10_000, 2)
        _tell(connection, story, first, first + count - 1)
        if story.name == "unlinked_here":
            _tell(connection, UNLINKED, first, first + count - 1)
        first += count
    _tell(connection, Plant("alike", 0, "matched"), first, max(dossiers, first))
    for statement in _RAW.values():
        connection.execute(statement.encode())
    connection.execute("analyze raw.one_stop_dossier, raw.portal_dossier, planted")


def _frame(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Sources, units, batches, the portal's one file."""
    sides = ", ".join(
        f"{side}_{name} {_TYPES.get(name, 'text')}"
        for side, columns in (("here", HERE), ("there", THERE), ("earlier", HERE))
        for name in columns
    )
    flags = ", ".join(f"has_{name} boolean" for name in CONFLICTS)
    connection.execute(
        f"create table planted (n int, plant text, result text, cause text, is_blurred boolean, is_deleted boolean,"
        f" rejected text, procedure text, {flags}, {sides})".encode()
    )
    sources = (
        ("igate", "one_stop_api"),
        ("slow", "one_stop_api"),
        ("treasury", "one_stop_sql"),
        ("dvcqg", "portal_export"),
    )
    for position, (source, kind) in enumerate(sources, 1):
        connection.execute(
            "insert into ops.source (source_id, kind, position) values (%s, %s, %s)", [source, kind, position]
        )
        connection.execute(_BATCH, [source, "dossier", True])
    connection.execute(_BATCH, ["reference", "agency", False])
    connection.execute(_BATCH, ["reference", "agency_succession", False])
    units: list[tuple[str, str, str | None, str | None]] = [(PROVINCE, "province", None, None)]
    units += [(f"{PROVINCE}.{number:02d}", "department", PROVINCE, None) for number in (*range(41), 50)]
    units += [(f"{PROVINCE}.90", "department", PROVINCE, "2024-02-29")]
    for place, (code, level, parent, until) in enumerate(units, 1):
        connection.execute(
            "insert into raw.agency (batch_id, row_number, agency_code, name_vi, level, parent_code, valid_from, valid_to)"
            " values (5, %s, %s, %s, %s, %s, '2004-01-01', %s)",
            [place, code, f"Đơn vị {code}", level, parent, until],
        )
    connection.execute(
        "insert into raw.agency_succession (batch_id, row_number, predecessor_code, successor_code, effective_on, is_default)"
        " values (6, 1, 'H15.90', 'H15.01', '2024-03-01', '1')"
    )
    connection.execute(
        "insert into ops.portal_file (source_id, entity, name, series, version, covers_from, covers_to, modified_at, size,"
        " sha256, batch_id) values ('dvcqg', 'dossier', 'DVCQG_HoSo_H15_20240101_20240710.csv',"
        " 'dvcqg_hoso_h15_20240101_20240710', 1, '2024-01-01', %s, %s, 1, 'planted', 4)",
        [EXPORTED_ON, KNOWN_AT],
    )


def _tell(connection: psycopg.Connection[tuple[Any, ...]], story: Plant, first: int, last: int) -> None:
    """The rows of one kind of story, numbers `first` to `last`."""
    values: dict[str, str] = {
        "n": "b.n",
        "plant": f"'{story.name}'",
        "result": f"'{story.result}'",
        "cause": f"'{story.cause}'" if story.cause else "null",
        "is_blurred": f"b.n % {BLURRED_SHARE} = 0" if story.blur else "false",
        "is_deleted": str(story.deleted).lower(),
        "rejected": f"'{story.rejected}'" if story.rejected else "null",
        "procedure": "'1.' || lpad((b.noise / 13 % 30)::text, 6, '0')",
        **{f"has_{name}": str(name in story.conflicts).lower() for name in CONFLICTS},
    }
    if story.here is not None:
        values |= {f"here_{name}": text for name, text in {**HERE, **story.here}.items()}
    if story.earlier is not None:
        values |= {f"earlier_{name}": text for name, text in {**HERE, **(story.here or {}), **story.earlier}.items()}
    if story.there is not None:
        there = {**THERE, **story.there}
        for name, text in (story.blur or {}).items():
            there[name] = f"case when b.n % {BLURRED_SHARE} = 0 then {text} else {there[name]} end"
        values |= {f"there_{name}": text for name, text in there.items()}
    is_open = {"any": "seed.noise % 3 = 0", "open": "true"}.get(story.when, "false")
    day = story.day or "date '2024-01-02' + (seed.noise / 3 % 160)::int"
    columns = ", ".join(values)
    shown = ", ".join(
        f"({text})::{_TYPES.get(name.partition('_')[2], 'text')}"
        if name.startswith(("here_", "there_", "earlier_"))
        else text
        for name, text in values.items()
    )
    connection.execute(
        f"insert into planted ({columns}) select {shown} from ("
        f" select seed.n, seed.noise, day.d, {is_open} as open,"
        "  'H15.' || lpad((seed.n % 40 + 1)::text, 2, '0') as unit,"
        "  day.d + interval '7 hours 30 minutes' + (seed.noise / 7 % 27000) * interval '1 second' as received,"
        "  day.d + interval '9 hours' + (seed.noise / 11 % 20000) * interval '1 second'"
        "   + (seed.noise / 5 % 8 + 1) * interval '1 day' as ended"
        f" from (select n, n::bigint * 2654435761 % 4294967296 as noise from generate_series({first}, {last}) as n) as seed"
        f" cross join lateral (select {day} as d) as day"
        ") as b".encode()
    )


_TYPES = {
    **dict.fromkeys(("submitted", "received", "first", "shown", "ended", "returned", "updated", "sync"), "timestamp"),
}
_BATCH = (
    "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused, started_at,"
    " finished_at, state, accepted_at, reached_end, is_first_load, code_version) values"
    f" (%s, %s, 'planted', 0, 0, 0, 0, 0, '{KNOWN_AT}', '{KNOWN_AT}', 'loaded', '{KNOWN_AT}', true, %s, 'planted')"
)
_STAMP = "to_char({}, 'YYYYMMDDHH24MISS')"


def _one_stop(side: str, where: str, *, source: str | None = None, deleted: bool = False, updated: str = "") -> str:
    """Versions of one-stop systems out of the planted ones."""
    stamps = {
        **{"ngay_nop_ho_so": "submitted", "ngay_tiep_nhan": "received", "ngay_hen_tra_ban_dau": "first"},
        **{"ngay_hen_tra": "shown", "ngay_ket_thuc_xu_ly": "ended", "ngay_tra": "returned"},
    }
    columns = {
        "batch_id": f"case {source or f'{side}_source'} when 'igate' then 1 when 'slow' then 2 else 3 end",
        "row_number": "(row_number() over (order by n) + (select count(*) from raw.one_stop_dossier))::int",
        "source_id": source or f"{side}_source",
        "content_hash": "''",
        "ma_ho_so": f"{side}_code",
        "ma_ho_so_khac": f"{side}_other",
        "ma_tthc": "procedure",
        "kenh_thuc_hien": "'1'",
        "don_vi_tiep_nhan": f"{side}_receiving",
        "don_vi_xu_ly": f"{side}_unit",
        "trang_thai_ho_so": f"{side}_status",
        "la_ho_so_thu_nghiem": f"{side}_test",
        **{column: _STAMP.format(f"{side}_{name}") for column, name in stamps.items()},
        "da_xoa": "'1'" if deleted else "null",
        "ngay_cap_nhat": _STAMP.format(updated or f"{side}_updated"),
    }
    return (
        f"insert into raw.one_stop_dossier ({', '.join(columns)}) select {', '.join(columns.values())} from planted"
        f" where {where}"
    )


def _portal(code: str, other: str, where: str) -> str:
    """Rows of the portal's file out of the planted ones."""
    stamps = {
        **{
            "ngay_tiep_nhan": "received",
            "ngay_hen_tra": "shown",
            "ngay_ket_thuc_xu_ly": "ended",
            "ngay_dong_bo": "sync",
        },
    }
    columns = {
        "batch_id": "4",
        "row_number": "(row_number() over (order by n) + (select count(*) from raw.portal_dossier))::int",
        "source_id": "'dvcqg'",
        "content_hash": "''",
        "file_id": "1",
        "stt": "n::text",
        "ma_ho_so": code,
        "ma_ho_so_khac": other,
        "ma_tthc": "procedure",
        "kenh_thuc_hien": "'1'",
        "don_vi_xu_ly": "there_unit",
        "trang_thai_ho_so": "there_status",
        **{column: _STAMP.format(f"there_{name}") for column, name in stamps.items()},
        "ngay_cap_nhat": f"'{EXPORTED_ON:%Y%m%d}235959'",
    }
    return (
        f"insert into raw.portal_dossier ({', '.join(columns)}) select {', '.join(columns.values())} from planted"
        f" where {where}"
    )


# A row that a rule about its status rejected: all else can be read of it.
_REJECTED = (
    "insert into quarantine.rejected_row (source_id, entity, batch_id, row_number, record_key, key_code, rule_ids,"
    " warning_ids, payload, first_seen_at, content_hash, agency_code, version)"
    " select case rejected when 'there' then 'dvcqg' else 'igate' end, 'dossier',"
    " case rejected when 'there' then 4 else 1 end, n, coalesce(here_code, there_code), coalesce(here_code, there_code),"
    " '{OS-003}', '{}', json_build_object('MaTTHC', procedure, 'TrangThaiHoSo', '99', 'KenhThucHien', '1', 'NgayTiepNhan',"
    f" {_STAMP.format('coalesce(here_received, there_received)')}), '{KNOWN_AT}', int4send(n),"
    f" coalesce(here_unit, there_unit), {_STAMP.format('coalesce(there_sync, here_updated)')}"
    " from planted where rejected is not null"
)
_DAY = "interval '1 day'"
_SECOND_CODE = "'000.00.00.H15-240101-' || lpad(n::text, 6, '0')"
_RAW = {
    "versions": _one_stop("here", "here_code is not null"),
    "earlier versions": _one_stop("earlier", "earlier_code is not null"),
    "a second system": _one_stop("here", "plant = 'two_systems'", source="'treasury'", updated=f"here_received - {_DAY}"),
    "deletes": _one_stop("here", "is_deleted", deleted=True, updated=f"here_updated + {_DAY}"),
    "the portal": _portal("there_code", "there_other", "there_code is not null"),
    "its second codes": _portal(_SECOND_CODE, "there_code", "plant = 'two_codes_on_the_portal'"),
    "rejected": _REJECTED,
}  # fmt: skip
