"""A planted truth for the reconciliation: dossiers of province and portal with every kind of difference, and its cause.

Rows go straight into a migrated warehouse's raw tables, by SQL, so that a quarter of a million of them take seconds. What is
planted stands in the table `planted`: for each dossier the result, the conflicts and the cause that a clerk who
knew the story would write down. A part of every cause is blurred: its evidence is damaged, as it happens, and the
cause can only be guessed or stays unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import psycopg

PROVINCE = "H15"
KNOWN_AT = datetime.fromisoformat("2024-07-12T08:00:00+07:00")
EXPORTED_ON = date(2024, 7, 10)
"""The last day of the portal's one export."""

BLURRED_SHARE = 10  # one of so many

# The story of a dossier that both sides tell alike, as SQL over `b`: n, d (the day of receipt), unit, open (not resolved).
_HERE = {
    "source": "'igate'",
    "code": "b.unit || '-' || to_char(b.d, 'YYMMDD') || '-' || lpad(b.n::text, 6, '0')",
    "other": "null",
    "status": "case when b.open then 4 else 10 end",
    "test": "null",
    "submitted": "b.received - interval '50 minutes'",
    "received": "b.received",
    "first": "b.d + interval '7 days 17 hours'",
    "shown": "b.d + interval '7 days 17 hours'",
    "ended": "case when not b.open then b.ended end",
    "returned": "case when not b.open then b.ended + (b.n % 5) * interval '1 day' end",
    "unit": "b.unit",
    "receiving": "'H15.00'",
    "updated": "case when b.open then b.received else b.ended end",
}
_THERE = {
    "code": _HERE["code"],
    "other": "null",
    "status": _HERE["status"],
    "received": "b.received",
    "shown": _HERE["shown"],
    "ended": _HERE["ended"],
    "unit": "b.unit",
    "sync": f"{_HERE['updated']} + interval '2 hours'",
}
_OWN_CODE = "'000.00.00.H15-' || to_char(b.d, 'YYMMDD') || '-' || lpad(b.n::text, 6, '0')"
_LATER = "b.received + (b.n % 7 + 1) * interval '1 day'"
_OTHER_UNIT = "'H15.' || lpad(((b.n + 1) % 40 + 1)::text, 2, '0')"


@dataclass(frozen=True)
class Plant:
    """One kind of story: how it departs from the one that both sides tell alike, and what should be found.

    Attributes:
        share: of 10,000 dossiers so many.
        here, there: columns that differ; None: that side has no such dossier.
        earlier: an earlier version here, as it departs from the present one.
        blur: what of `there` is damaged in one of BLURRED_SHARE.
        conflicts: the conflicts of a correct comparison.
        when: `open`, `closed`, or any.
        rejected: on whose side a row with the code lies in quarantine.
        day: the day of receipt, where it matters.
    """

    name: str
    share: int
    result: str
    cause: str | None = None
    here: Mapping[str, str] | None = field(default_factory=dict)
    there: Mapping[str, str] | None = field(default_factory=dict)
    earlier: Mapping[str, str] | None = None
    blur: Mapping[str, str] | None = None
    conflicts: tuple[str, ...] = ()
    when: str = "any"
    rejected: str | None = None
    day: str | None = None
    deleted: bool = False


PLANTS = (
    Plant("other_label", 200, "matched", there={"status": "case when b.open then 2 else 9 end"}),
    Plant("linked_by_the_portal", 200, "matched", there={"code": _OWN_CODE, "other": _HERE["code"]}),
    Plant("linked_by_the_province", 100, "matched", here={"other": _OWN_CODE}, there={"code": _OWN_CODE}),
    Plant("two_codes_on_the_portal", 50, "matched"),
    Plant("two_systems", 100, "matched"),
    Plant("merged_unit", 50, "matched", here={"unit": "'H15.90'"}, there={"unit": "'H15.01'"}, day="date '2024-02-01'"),
    Plant("new_here", 50, "not_expected", here={"status": "1", "ended": "null"}, there=None),
    Plant("test_not_shown", 20, "not_expected", here={"test": "'1'"}, there=None),
    Plant("new_on_both", 20, "matched", here={"status": "1"}, there={"status": "1"}, when="open"),
    # only here
    Plant("after_export", 60, "only_here", "after_portal_export", there=None, day="date '2024-07-11'", when="open"),
    Plant("just_received", 60, "only_here", "not_yet_synchronised", there=None, day="date '2024-07-10'", when="open"),
    Plant("never_synchronised", 60, "only_here", "unknown", there=None),
    Plant("rejected_on_the_portal", 40, "only_here", "rejected_there", there=None, rejected="there"),
    Plant("unlinked_here", 60, "only_here", "other_code_missing", there=None),
    # only there; those without a link are the other half of `unlinked_here`
    Plant("deleted", 60, "only_there", "deleted_here", deleted=True),
    Plant("test_shown", 40, "only_there", "test_here", here={"test": "'1'"}),
    Plant("rejected_in_the_province", 40, "only_there", "rejected_here", here=None, rejected="here"),
    Plant("registered", 40, "only_there", "not_yet_received", here=None, there={"status": "1"}, when="open"),
    Plant("refused", 20, "only_there", "refused_there", here=None, there={"status": "3"}, when="open"),
    Plant(
        *("slow_source_new", 40, "only_there", "not_yet_delivered_here"),
        here=None, there={"unit": "'H15.50'"}, day="date '2024-06-10'",
    ),
    Plant("theirs_alone", 40, "only_there", "unknown", here=None),
    # status
    Plant(
        *("waiting", 150, "status_conflict", "done_while_waiting"),
        here={"status": "(array[5, 6, 8])[b.n % 3 + 1]"}, there={"status": "9", "ended": _LATER},
        conflicts=("status",), when="open",
    ),
    Plant(
        *("no_appointment", 60, "status_conflict", "done_without_due_date"),
        here={"first": "null", "shown": "null"}, there={"status": "9", "ended": _LATER, "shown": "null"},
        conflicts=("status",), when="open",
    ),
    Plant(
        *("outdated", 150, "status_conflict", "not_yet_synchronised"),
        there={"status": "4", "ended": "null", "sync": "b.received + interval '1 hour'"},
        earlier={"status": "4", "ended": "null", "updated": "b.received"},
        conflicts=("status",), when="late",
    ),
    Plant(
        *("outdated_first_load", 100, "status_conflict", "not_yet_synchronised"),
        there={"status": "2", "ended": "null", "sync": "b.received + interval '1 hour'"},
        blur={"sync": "null"}, conflicts=("status",), when="late",
    ),
    Plant(
        *("newer_version_rejected", 40, "status_conflict", "rejected_here"),
        there={"status": "9", "ended": _LATER, "sync": f"{_LATER} + interval '1 hour'"},
        conflicts=("status",), when="open", rejected="here",
    ),
    Plant(
        *("slow_source", 60, "status_conflict", "not_yet_delivered_here"),
        here={"source": "'slow'", "unit": "'H15.50'"},
        there={"unit": "'H15.50'", "status": "10", "ended": "timestamp '2024-06-01 09:00'",
               "sync": "timestamp '2024-06-01 10:00'"},
        blur={"sync": "timestamp '2024-02-01 06:00'"}, conflicts=("status",), when="open", day="date '2024-02-01'",
    ),
    Plant(
        *("done_there_alone", 60, "status_conflict", "unknown"),
        there={"status": "9", "ended": _LATER, "sync": f"{_LATER} + interval '1 hour'"},
        conflicts=("status",), when="open",
    ),
    Plant(
        *("all_at_once", 60, "status_conflict", "unknown"),
        there={"status": "7", "received": _LATER, "shown": "null", "ended": f"{_LATER} + interval '1 day'",
               "unit": _OTHER_UNIT},
        conflicts=("status", "received", "appointment", "unit"), when="open",
    ),
    # dates
    Plant(
        *("late_receipt", 80, "date_conflict", "synchronised_late"),
        there={"received": "b.received + interval '30 hours'", "sync": "b.received + interval '30 hours'"},
        blur={"sync": "null"}, conflicts=("received",), when="open",
    ),
    Plant(
        *("late_end", 120, "date_conflict", "synchronised_late"),
        there={"ended": "b.ended + interval '50 hours'", "sync": "b.ended + interval '50 hours'"},
        blur={"sync": "null"}, conflicts=("finished",), when="closed",
    ),
    Plant(
        *("submitted_for_received", 60, "date_conflict", "submission_for_receipt"),
        here={"submitted": "b.received - interval '2 days'"}, there={"received": "b.received - interval '2 days'"},
        conflicts=("received",),
    ),
    Plant(
        *("handed_over_for_finished", 60, "date_conflict", "handover_for_result"),
        here={"returned": "b.ended + interval '3 days'"}, there={"ended": "b.ended + interval '3 days'"},
        blur={"ended": "b.ended + interval '4 days'"}, conflicts=("finished",), when="closed",
    ),
    Plant(
        *("first_appointment", 80, "date_conflict", "first_appointment_kept"),
        here={"shown": "b.d + interval '12 days 17 hours'"}, conflicts=("appointment",),
    ),
    Plant(
        *("new_appointment_not_sent", 60, "date_conflict", "not_yet_synchronised"),
        here={"shown": "b.d + interval '12 days 17 hours'", "updated": "b.received + interval '5 days'"},
        there={"sync": "b.received + interval '1 hour'"}, earlier={"shown": _HERE["shown"], "updated": "b.received"},
        conflicts=("appointment",), when="open",
    ),
    Plant(
        *("some_other_end", 100, "date_conflict", "unknown"),
        there={"ended": "b.ended + (b.n % 7 + 1) * interval '1 day'"}, conflicts=("finished",), when="closed",
    ),
    Plant("some_other_receipt", 60, "date_conflict", "unknown", there={"received": _LATER}, conflicts=("received",), when="open"),
    Plant("no_appointment_there", 60, "date_conflict", "unknown", there={"shown": "null"}, conflicts=("appointment",)),
    # units
    Plant("receiver", 60, "unit_conflict", "receiving_unit_shown", there={"unit": "'H15.00'"}, conflicts=("unit",)),
    Plant("above", 60, "unit_conflict", "unit_above_shown", there={"unit": "'H15'"}, conflicts=("unit",)),
    Plant(
        *("transferred", 60, "unit_conflict", "not_yet_synchronised"),
        here={"updated": "b.received + interval '3 days'"},
        there={"unit": _OTHER_UNIT, "sync": "b.received + interval '1 hour'"},
        earlier={"unit": _OTHER_UNIT, "updated": "b.received"}, conflicts=("unit",), when="open",
    ),
    Plant("some_other_unit", 60, "unit_conflict", "unknown", there={"unit": _OTHER_UNIT}, conflicts=("unit",)),
)  # fmt: skip
UNLINKED = Plant(
    "unlinked_there", 0, "only_there", "other_code_missing",
    here=None, there={"code": _OWN_CODE}, blur={"received": "b.received + interval '7 minutes'"},
)  # fmt: skip
CONFLICTS = ("status", "received", "appointment", "finished", "unit")


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
        for side, columns in (("here", _HERE), ("there", _THERE), ("earlier", _HERE))
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
    units = [(PROVINCE, "province", None, None)]
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
        values |= {f"here_{name}": text for name, text in {**_HERE, **story.here}.items()}
    if story.earlier is not None:
        values |= {f"earlier_{name}": text for name, text in {**_HERE, **(story.here or {}), **story.earlier}.items()}
    if story.there is not None:
        there = {**_THERE, **story.there}
        for name, text in (story.blur or {}).items():
            there[name] = f"case when b.n % {BLURRED_SHARE} = 0 then {text} else {there[name]} end"
        values |= {f"there_{name}": text for name, text in there.items()}
    is_open = {"any": "seed.noise % 3 = 0", "open": "true"}.get(story.when, "false")
    day = story.day or "date '2024-01-02' + (seed.noise / 3 % 160)::int"
    columns = ", ".join(values)
    shown = ", ".join(
        f"({text})::{_TYPES.get(name.partition('_')[2], 'text')}" if name.startswith(("here_", "there_", "earlier_")) else text
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
        **{"ngay_tiep_nhan": "received", "ngay_hen_tra": "shown", "ngay_ket_thuc_xu_ly": "ended", "ngay_dong_bo": "sync"},
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


_REJECTED = (
    "insert into quarantine.rejected_row (source_id, entity, batch_id, row_number, record_key, key_code, rule_ids, warning_ids, payload,"
    " first_seen_at, content_hash) select case rejected when 'there' then 'dvcqg' else 'igate' end, 'dossier',"
    f" case rejected when 'there' then 4 else 1 end, n, coalesce(here_code, there_code), coalesce(here_code, there_code), '{{OS-003}}', '{{}}', '{{}}',"
    f" '{KNOWN_AT}', int4send(n) from planted where rejected is not null"
)
_RAW = {
    "versions": _one_stop("here", "here_code is not null"),
    "earlier versions": _one_stop("earlier", "earlier_code is not null"),
    "a second system": _one_stop("here", "plant = 'two_systems'", source="'treasury'", updated="here_received - interval '1 day'"),
    "deletes": _one_stop("here", "is_deleted", deleted=True, updated="here_updated + interval '1 day'"),
    "the portal": _portal("there_code", "there_other", "there_code is not null"),
    "its second codes": _portal("'000.00.00.H15-240101-' || lpad(n::text, 6, '0')", "there_code", "plant = 'two_codes_on_the_portal'"),
    "rejected": _REJECTED,
}  # fmt: skip
