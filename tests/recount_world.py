"""A random province for tests/recount.py: units through two reorganisations, cases, procedures, reference files."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg
from psycopg import sql

from recount import Province, Row

ROOT = "H15"
KNOWN_AT = datetime.fromisoformat("2024-11-20T08:00:00+07:00")
LOADED = "2024-11-20T07:00:00+07:00"
FIRST, MERGER, SECOND = date(2023, 5, 20), date(2024, 7, 1), date(2024, 10, 1)
TARGETS: list[Row] = [
    {"metric_code": code, "level": level, "year": year, "target": target, "legal_basis": f"QĐ {number}"}
    for number, (code, level, year, target) in enumerate(
        [
            ("on_time_rate", "commune", "2024", "0.60"),
            ("on_time_rate", None, "2024", "0.98"),
            ("on_time_rate", None, "2023", "0.5"),
            ("overdue_rate", "department", "2024", "0.3"),
            ("digital_certificate_rate", "province", "2024", "0.5"),
            ("feedback_handled_overdue", None, "2024", "1"),
        ]
    )
]
# Where rules turn: ends of months, quarters and years of both conventions, the mergers, the day of counting.
EDGES = [
    *(date(2024, month, day) for month in (1, 3, 6, 7, 9, 10) for day in (1, 14, 15)),
    *(date(2023, 12, 14), date(2023, 12, 15), date(2023, 12, 31), date(2024, 3, 31), date(2024, 6, 30)),
    *(date(2024, 9, 30), date(2024, 11, 14), date(2024, 11, 20)),
]


def agencies() -> tuple[list[Row], list[Row]]:
    """Two districts whose communes were merged under the province in 2024, a department that was split later."""
    long_ago, eve = date(2004, 1, 1), MERGER - timedelta(days=1)

    def unit(code: str, level: str, parent: str | None, first: date | None, last: date | None = None) -> Row:
        return {"agency_code": code, "level": level, "parent_code": parent, "valid_from": first, "valid_to": last}

    units = [
        unit(ROOT, "province", None, None),
        unit("H15.01", "department", ROOT, long_ago),
        unit("H15.02", "department", ROOT, long_ago, SECOND - timedelta(days=1)),
        unit("H15.03", "department", ROOT, SECOND),
        unit("H15.04", "department", ROOT, SECOND),
        unit("H15.01.01", "branch", "H15.01", date(2023, 9, 1)),
        unit("H15.21", "district", ROOT, long_ago, eve),
        unit("H15.22", "district", ROOT, long_ago, eve),
        *(unit(f"H15.21.0{n}", "commune", "H15.21", long_ago, eve) for n in (1, 2, 3)),
        *(unit(f"H15.22.0{n}", "commune", "H15.22", long_ago, eve) for n in (1, 2)),
        # goes on under its old code, but under the province
        unit("H15.22.03", "commune", "H15.22", long_ago, eve),
        unit("H15.22.03", "commune", ROOT, MERGER),
        unit("H15.101", "commune", ROOT, MERGER),
        unit("H15.102", "commune", ROOT, MERGER),
        unit("H15.103", "commune", ROOT, MERGER, SECOND - timedelta(days=1)),
    ]

    def moves(old: str, new: str, on: date, *, default: bool = True) -> Row:
        return {"predecessor_code": old, "successor_code": new, "effective_on": on, "is_default": default}

    successions = [
        *(moves(old, "H15.101", MERGER) for old in ("H15.21.01", "H15.21.02")),
        moves("H15.21.03", "H15.102", MERGER),
        moves("H15.21.03", "H15.101", MERGER, default=False),
        *(moves(f"H15.22.0{n}", "H15.103", MERGER) for n in (1, 2)),
        moves("H15.22.03", "H15.22.03", MERGER),
        moves("H15.103", "H15.102", SECOND),  # a merged unit is merged again
        moves("H15.02", "H15.04", SECOND),
        moves("H15.02", "H15.03", SECOND, default=False),
        moves("H15.01.01", "H15.01", date(2025, 1, 1)),  # not in force yet
    ]
    return units, successions


def province(seed: int) -> Province:
    """A world in which every rule is met many times."""
    dice = random.Random(seed)
    units, successions = agencies()
    codes = sorted({str(row["agency_code"]) for row in units})

    def day(first: date = date(2023, 4, 1), last: date = date(2024, 12, 31)) -> date:
        if dice.random() < 0.5:
            return dice.choice(EDGES)
        return first + timedelta(days=dice.randrange((last - first).days))

    def perhaps(value: Any, chance: float = 0.7) -> Any:
        return value if dice.random() < chance else None

    cases = []
    for number in range(260):
        received = min(day(), date(2024, 11, 20))
        answered = perhaps(min(received + timedelta(days=dice.choice([0, 1, 19, 20, 21, 40, 200])), date(2024, 11, 20)))
        cases.append(
            {
                **{"code": f"PA{number:04d}", "about": perhaps(f"PA{dice.randrange(260):04d}", 0.15)},
                **{"agency_code": perhaps(dice.choice(codes), 0.9), "received": received, "answered": answered},
                **{"due": perhaps(received + timedelta(days=dice.choice([0, 5, 20, 30])), 0.6)},
                **{"competent": dice.choice([True, True, None, None, False]), "kind": perhaps(dice.randint(1, 4))},
                **{"status": dice.choice(["moi", "dang_xu_ly", "da_xu_ly", "da_cong_khai", "tu_choi"])},
                **{"satisfaction": perhaps(dice.choice(["hai_long", "chap_nhan", "khong_hai_long"]), 0.5)},
            }
        )
    procedures = []
    for number in range(60):
        announced = perhaps(day(), 0.9)
        published = perhaps((announced or day()) + timedelta(days=dice.choice([-2, 0, 4, 5, 6, 7, 8, 9, 12, 40])), 0.8)
        first, cut = perhaps(day(), 0.5), perhaps(day(), 0.4)
        entry = {
            "procedure_code": f"1.{number:06d}",
            "announced_on": announced,
            "published_on": published,
            "content_complete": dice.random() < 0.6,
            "valid_from": first,
            "valid_to": cut if cut and (first is None or cut >= first) else None,
        }
        procedures.append(entry)
        if entry["valid_to"]:  # the row that follows repeats the announcement, or brings a new one
            again = dice.choice([announced, day()])
            follows = {"announced_on": again, "published_on": perhaps(published)}
            procedures.append(entry | follows | {"valid_from": entry["valid_to"] + timedelta(days=1), "valid_to": None})
    keyed: dict[str, dict[Any, Row]] = {"certificates": {}, "surveys": {}, "documents": {}}
    for _ in range(120):
        unit, counted, required = dice.choice(codes), day(), dice.randint(0, 40)
        keyed["certificates"][unit, counted] = {
            **{"agency_code": unit, "as_of": counted},
            **{"required": required, "issued": dice.randint(0, required)},
        }
        survey, year = dice.choice(["SIPAS", "PAR"]), dice.randint(2022, 2025)
        keyed["surveys"][survey, unit, year] = {
            **{"survey_code": survey, "agency_code": unit, "year": year},
            **{"score": Decimal(dice.randint(0, 1000)) / 10, "max_score": 100},
        }
        month = day().replace(day=1)
        issued = dice.randint(0, 50)
        keyed["documents"][unit, month] = {
            **{"agency_code": unit, "month": month, "issued": issued},
            **{"digitally_signed": dice.randint(0, issued)},
        }
    points = []
    for number in range(40):
        first = perhaps(day(), 0.7)
        last = perhaps(day(), 0.5)
        points.append(
            {
                **{"point_code": f"P{number}", "agency_code": dice.choice(codes), "valid_from": first},
                **{"valid_to": last if last and (first is None or last >= first) else None},
                **{flag: dice.random() < 0.8 for flag in ("has_queue_machine", "has_lookup_kiosk")},
                "has_online_help_desk": perhaps(True, 0.8),
            }
        )
    return Province(
        root=ROOT,
        known_on=date(2024, 11, 20),
        first_receipt=FIRST,
        agencies=units,
        successions=successions,
        cases=cases,
        procedures=procedures,
        points=points,
        **{name: list(rows.values()) for name, rows in keyed.items()},
        days_off={date(2024, 7, 2), *NATIONAL_DAYS_OFF},
        working_saturdays={date(2024, 7, 6), date(2024, 5, 4)},
    )


# The weekdays off of 2023 and 2024, from the government's announcements; the province adds 02/07 and its make-up day.
NATIONAL_DAYS_OFF = {
    *(date(2023, 1, day) for day in (2, 20, 23, 24, 25, 26)),
    *(date(2023, 5, day) for day in (1, 2, 3)),
    *(date(2023, 9, day) for day in (1, 4)),
    date(2024, 1, 1),
    *(date(2024, 2, day) for day in (8, 9, 12, 13, 14)),
    *(date(2024, 4, day) for day in (18, 29, 30)),
    date(2024, 5, 1),
    *(date(2024, 9, day) for day in (2, 3)),
    date(2025, 1, 1),
    *(date(2025, 1, day) for day in (27, 28, 29, 30, 31)),
}


def text(value: Any) -> str | None:
    """As a CSV file would hold it."""
    if value is None or isinstance(value, str):
        return value
    return str(int(value)) if isinstance(value, bool) else str(value)


def stamp(day: date | None, clock: str = "235959") -> str | None:
    return day and f"{day:%Y%m%d}{clock}"


def fill(connection: psycopg.Connection, world: Province) -> None:
    """What the pipeline would have put into raw and ops."""

    def load(source: str, entity: str, rows: list[Row], table: str | None = None) -> None:
        found = connection.execute(
            "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
            " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version)"
            " values (%s, %s, 'test', 0, 0, 0, 0, 0, %s, %s, 'loaded', %s, true, true, 'test') returning batch_id",
            [source, entity, LOADED, LOADED, LOADED],
        ).fetchone()
        assert found is not None
        if source != "reference":
            rows = [{"source_id": source, "content_hash": b"", **row} for row in rows]
        columns = ["batch_id", "row_number", *rows[0]]
        statement = sql.SQL("insert into raw.{} ({}) values ({})").format(
            sql.Identifier(table or entity),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
        )
        with connection.cursor() as cursor:
            values = [[v if isinstance(v, bytes) else text(v) for v in row.values()] for row in rows]
            cursor.executemany(statement, [[found[0], number, *row] for number, row in enumerate(values, 1)])

    for position, (source, kind) in enumerate((("igate", "one_stop_api"), ("pakn", "feedback_api")), 1):
        connection.execute(
            "insert into ops.source (source_id, kind, position) values (%s, %s, %s)", [source, kind, position]
        )
    load("reference", "agency", [{"name_vi": str(row["agency_code"]), **row} for row in world.agencies])
    load("reference", "agency_succession", world.successions)
    load("reference", "procedure", [{"name_vi": "Thủ tục", **row} for row in world.procedures])
    load("reference", "staff_certificate", world.certificates)
    load("reference", "one_stop_point", [{"name_vi": "Bộ phận Một cửa", **row} for row in world.points])
    load("reference", "survey_score", world.surveys)
    load("reference", "target", TARGETS)
    load("reference", "document_statistic", [row | {"month": f"{row['month']:%Y-%m}"} for row in world.documents])
    own = [{"day": "2024-07-02", "is_working": "0"}, {"day": "2024-07-06", "is_working": "1"}]
    load("reference", "working_day_exception", own)
    load(
        "pakn",
        "feedback_case",
        [
            {
                **{"ma_pakn": case["code"], "ma_pakn_goc": case["about"], "don_vi_xu_ly": case["agency_code"]},
                **{"ngay_tiep_nhan": stamp(case["received"]), "ngay_tra_loi": stamp(case["answered"], "000000")},
                **{"han_xu_ly": stamp(case["due"], "170000"), "loai_noi_dung": case["kind"]},
                **{"thuoc_tham_quyen": case["competent"], "trang_thai": case["status"], "nguon": "portal"},
                **{"muc_do_hai_long": case["satisfaction"], "ngay_cap_nhat": "20241120060000"},
            }
            for case in world.cases
        ],
    )
    load("igate", "dossier", dossiers(world), "one_stop_dossier")


def dossiers(world: Province) -> list[Row]:
    """The first receipt, and enough at some units that they are ranked."""
    dice = random.Random(3)
    found = []
    for number in range(400):
        received = FIRST if number == 0 else FIRST + timedelta(days=dice.randrange(540))
        named = [row["agency_code"] for row in world.agencies if world.valid(row, received)]
        ended = received + timedelta(days=dice.randrange(30))
        found.append(
            {
                **{"ma_ho_so": f"H15.01-230520-{number:05d}", "ma_tthc": f"1.{number % 60:06d}"},
                **{"kenh_thuc_hien": str(dice.choice([1, 2, 3])), "don_vi_xu_ly": dice.choice(named)},
                **{"trang_thai_ho_so": "10", "ngay_tiep_nhan": stamp(received), "ngay_cap_nhat": stamp(ended)},
                **{"ngay_hen_tra_ban_dau": stamp(received + timedelta(days=15)), "ngay_ket_thuc_xu_ly": stamp(ended)},
            }
        )
    return found
