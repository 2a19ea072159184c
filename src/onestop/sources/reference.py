"""Reference CSV files (contracts/reference_data.md): read, checked whole, brought into text columns.

A file is taken or refused as a whole: half a tree of units would move figures silently.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from onestop.errors import DataRefused
from onestop.sources.service_levels import LABELS, level_of

Row = dict[str, str | None]
LEVELS = ("province", "department", "district", "commune", "branch")
_MAX_SHOWN = 20
_MONTH = re.compile(r"(?!0000)\d{4}-(0[1-9]|1[0-2])", re.ASCII)
_YEAR = re.compile(r"(?!0000)\d{4}", re.ASCII)
_NUMBER = re.compile(r"\d+(\.\d+)?", re.ASCII)
_FLAG = re.compile("[01]")


@dataclass(frozen=True)
class ReferenceFile:
    """One kind of reference file: its name, its entity (also its raw table), its columns and what they hold.

    needed: columns that are never empty; codes: normalised as codes; dates, months, years, numbers, flags: how they are written.
    key: columns that, together with the days of validity, stand once.
    """

    name: str
    entity: str
    columns: tuple[str, ...]
    needed: tuple[str, ...]
    key: tuple[str, ...]
    codes: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()
    months: tuple[str, ...] = ()
    years: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    mandatory: bool = False


_VALIDITY = ("valid_from", "valid_to")
FILES = (
    ReferenceFile(
        "agencies.csv", "agency",
        ("agency_code", "name_vi", "name_en", "level", "parent_code", "gso_code", *_VALIDITY),
        needed=("agency_code", "name_vi", "level"), key=("agency_code",),
        codes=("agency_code", "parent_code"), dates=_VALIDITY, mandatory=True,
    ),
    ReferenceFile(
        "procedures.csv", "procedure",
        ("procedure_code", "name_vi", "field_code", "field_name_vi", "service_level", "has_fee", "processing_days",
         "day_kind", "announced_on", "published_on", "content_complete", *_VALIDITY),
        needed=("procedure_code", "name_vi"), key=("procedure_code",),
        codes=("procedure_code", "field_code"), dates=("announced_on", "published_on", *_VALIDITY),
        numbers=("processing_days",), flags=("has_fee", "content_complete"), mandatory=True,
    ),
    ReferenceFile(
        "agency_succession.csv", "agency_succession",
        ("predecessor_code", "successor_code", "effective_on", "is_default", "legal_basis"),
        needed=("predecessor_code", "successor_code", "effective_on", "is_default"),
        key=("predecessor_code", "successor_code", "effective_on"),
        codes=("predecessor_code", "successor_code"), dates=("effective_on",), flags=("is_default",),
    ),
    ReferenceFile(
        "targets.csv", "target", ("metric_code", "level", "year", "target", "legal_basis"),
        needed=("metric_code", "year", "target"), key=("metric_code", "level", "year"),
        years=("year",), numbers=("target",),
    ),
    ReferenceFile(
        "staff_certificates.csv", "staff_certificate", ("agency_code", "as_of", "required", "issued"),
        needed=("agency_code", "as_of", "required", "issued"), key=("agency_code", "as_of"),
        codes=("agency_code",), dates=("as_of",), numbers=("required", "issued"),
    ),
    ReferenceFile(
        "one_stop_points.csv", "one_stop_point",
        ("point_code", "agency_code", "name_vi", "has_queue_machine", "has_lookup_kiosk", "has_online_help_desk",
         *_VALIDITY),
        needed=("point_code", "agency_code", "name_vi"), key=("point_code",), codes=("point_code", "agency_code"),
        dates=_VALIDITY, flags=("has_queue_machine", "has_lookup_kiosk", "has_online_help_desk"),
    ),
    ReferenceFile(
        "survey_scores.csv", "survey_score", ("survey_code", "agency_code", "year", "score", "max_score"),
        needed=("survey_code", "agency_code", "year", "score", "max_score"),
        key=("survey_code", "agency_code", "year"), codes=("agency_code",), years=("year",), numbers=("score", "max_score"),
    ),
    ReferenceFile(
        "document_statistics.csv", "document_statistic", ("agency_code", "month", "issued", "digitally_signed"),
        needed=("agency_code", "month", "issued", "digitally_signed"), key=("agency_code", "month"),
        codes=("agency_code",), months=("month",), numbers=("issued", "digitally_signed"),
    ),
    ReferenceFile(
        "working_day_exceptions.csv", "working_day_exception", ("day", "is_working", "reason", "document"),
        needed=("day", "is_working"), key=("day",), dates=("day",), flags=("is_working",),
    ),
)  # fmt: skip


def read_reference(kind: ReferenceFile, content: bytes) -> list[Row]:
    """The rows of one file as text: trimmed, NFC, codes normalised, empty as None.

    Raises:
        DataRefused: naming the file and, for every mistake, the line.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataRefused(
            f"{kind.name} is not UTF-8 (byte {problem.start})", next_step="save it as CSV UTF-8"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        missing = [c for c in kind.columns if c not in header]
        if missing:
            raise DataRefused(f"{kind.name}, line 1: the column {', '.join(missing)} is missing", next_step="add it")
        doubled = [c for c in kind.columns if header.count(c) > 1]
        if doubled:
            raise DataRefused(
                f"{kind.name}, line 1: the column {', '.join(doubled)} is there twice",
                next_step="remove one of the two",
            )
        rows, problems = [], []
        for values in reader:
            if not any(v.strip() for v in values):
                continue
            if len(values) != len(header):
                problems.append(f"line {reader.line_num}: {len(values)} cells, the header has {len(header)}")
                continue
            row = _clean(kind, dict(zip(header, values, strict=True)))
            problems += [f"line {reader.line_num}: {p}" for p in _row_problems(kind, row)]
            rows.append(row)
    except csv.Error as problem:
        raise DataRefused(f"{kind.name}, line {reader.line_num}: {problem}", next_step="mend the quotes") from None
    if not rows and not problems:
        problems.append("line 2: there are no rows")
    refuse_if(kind.name, problems)
    return rows


def refuse_if(name: str, problems: list[str]) -> None:
    """Raise DataRefused with all mistakes, if there are any."""
    if problems:
        more = f"\n  and {len(problems) - _MAX_SHOWN} more" if len(problems) > _MAX_SHOWN else ""
        raise DataRefused(
            f"{name} was refused whole:\n  " + "\n  ".join(problems[:_MAX_SHOWN]) + more,
            next_step="mend the lines named; the file accepted before stays in force",
        )


def _clean(kind: ReferenceFile, row: dict[str, str]) -> Row:
    cleaned: Row = {}
    for name in kind.columns:
        value = unicodedata.normalize("NFC", row[name].strip())
        if name in kind.codes:
            value = "".join(value.split()).upper()
        if name == "service_level":
            value = level_of(value) or value
        cleaned[name] = value or None
    return cleaned


def _row_problems(kind: ReferenceFile, row: Row) -> list[str]:
    problems = [f"{name} is empty" for name in kind.needed if row[name] is None]
    problems += [f"{name} holds a NUL, which no text has" for name in kind.columns if "\0" in (row[name] or "")]
    for names, is_right, hint in (
        (kind.dates, _is_day, "is no date (write 2024-07-31)"),
        (kind.months, _MONTH.fullmatch, "is no month (write 2024-07)"),
        (kind.years, _YEAR.fullmatch, "is no year (write 2024)"),
        (kind.numbers, _NUMBER.fullmatch, "is no number >= 0 (write 1219 or 0.5)"),
        (kind.flags, _FLAG.fullmatch, "is not 0 or 1"),
    ):
        problems += [
            f"{name} {row[name]!r} {hint}" for name in names if row[name] is not None and not is_right(str(row[name]))
        ]
    start, end = row.get("valid_from"), row.get("valid_to")
    if start and end and _is_day(start) and _is_day(end) and start > end:
        problems.append(f"valid_to {end} lies before valid_from {start}")
    for part, whole in (("issued", "required"), ("digitally_signed", "issued"), ("score", "max_score")):
        few, many = row.get(part), row.get(whole)
        if few and many and _NUMBER.fullmatch(few) and _NUMBER.fullmatch(many) and Decimal(few) > Decimal(many):
            problems.append(f"{part} {few} is more than {whole} {many}")
    level = row.get("level")
    if level is not None and level not in LEVELS:
        problems.append(f"level {level!r} is not one of {', '.join(LEVELS)}")
    service = row.get("service_level")
    if service is not None and level_of(service) is None:
        problems.append(f"service_level {service!r} is not one of 1 to 4 or {', '.join(LABELS)}")
    return problems


def _is_day(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def check_whole(kind: ReferenceFile, rows: list[Row], province_code: str, agency_codes: set[str]) -> list[str]:
    """Mistakes that only the file as a whole shows.

    Args:
        agency_codes: the units in force, for files that name some.
    """
    problems = _doubled(kind, rows)
    if kind.entity == "agency":
        return problems + _tree_problems(rows, province_code)
    if kind.entity == "agency_succession":
        return problems + _succession_problems(rows, agency_codes)
    if "agency_code" in kind.columns:
        unknown = sorted({str(r["agency_code"]) for r in rows} - agency_codes)
        problems += [f"{code} is not in agencies.csv" for code in unknown]
    return problems


def _doubled(kind: ReferenceFile, rows: list[Row]) -> list[str]:
    """Keys that stand more than once, or for the same days."""
    problems: list[str] = []
    spans: dict[tuple[str | None, ...], list[tuple[str, str]]] = {}
    for r in rows:
        key = tuple(r[name] for name in kind.key)
        start, end = _span(r)
        if any(start <= other_end and end >= other_start for other_start, other_end in spans.get(key, [])):
            days = " for the same days" if "valid_from" in kind.columns else ""
            problems.append(f"{', '.join(filter(None, key))} is listed twice{days}")
        spans.setdefault(key, []).append((start, end))
    return problems


def _span(row: Row) -> tuple[str, str]:
    return row.get("valid_from") or "0000-00-00", row.get("valid_to") or "9999-99-99"


def _tree_problems(rows: list[Row], province_code: str) -> list[str]:
    codes = {r["agency_code"] for r in rows}
    problems = [] if province_code in codes else [f"the province itself, {province_code}, is not listed"]
    problems += [
        f"{r['agency_code']}: the parent {r['parent_code']} is not listed"
        for r in rows
        if r["parent_code"] and r["parent_code"] not in codes
    ]
    return problems + _cycles(rows)


def gaps(kind: ReferenceFile, rows: list[Row]) -> list[str]:
    """Keys with days between two spans of validity on which they do not exist: allowed, but worth a look."""
    spans: dict[tuple[str | None, ...], list[tuple[str, str]]] = {}
    for r in rows:
        spans.setdefault(tuple(r[name] for name in kind.key), []).append(_span(r))
    found = []
    for key, parts in spans.items():
        parts.sort()
        for (_, end), (start, _) in itertools.pairwise(parts):
            if _is_day(end) and date.fromisoformat(end) + timedelta(days=1) < date.fromisoformat(start):
                found.append(f"{', '.join(filter(None, key))} is not valid between {end} and {start}")
    return found


def _cycles(rows: list[Row]) -> list[str]:
    """Units that lie above themselves on some day; judged at every day on which a row begins."""
    problems: set[str] = set()
    for day in sorted({_span(r)[0] for r in rows}):
        parent = {r["agency_code"]: r["parent_code"] for r in rows if _span(r)[0] <= day <= _span(r)[1]}
        for code in parent:
            step, seen = parent[code], {code}
            while step is not None and step not in seen:
                seen.add(step)
                step = parent.get(step)
            if step == code:
                problems.add(f"{code} lies above itself")
    return sorted(problems)


def _succession_problems(rows: list[Row], agency_codes: set[str]) -> list[str]:
    """Units that do not exist, predecessors without exactly one default."""
    problems = [
        f"{r[side]} is not in agencies.csv"
        for r in rows
        for side in ("predecessor_code", "successor_code")
        if r[side] not in agency_codes
    ]
    defaults: dict[str | None, int] = {}
    for r in rows:
        defaults[r["predecessor_code"]] = defaults.get(r["predecessor_code"], 0) + (r["is_default"] == "1")
    problems += [f"{code} has {n} default successors, it must have one" for code, n in defaults.items() if n != 1]
    return problems
