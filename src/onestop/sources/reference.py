"""Reference CSV files (contracts/reference_data.md): read, checked whole, brought into text columns.

A file is taken or refused as a whole: half a tree of units would move figures silently.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from onestop.errors import DataRefused

Row = dict[str, str | None]
LEVELS = ("province", "department", "district", "commune", "branch")
_MAX_SHOWN = 20


@dataclass(frozen=True)
class ReferenceFile:
    """One kind of reference file: its name, its entity (also its raw table) and its columns."""

    name: str
    entity: str
    columns: tuple[str, ...]
    codes: tuple[str, ...]
    dates: tuple[str, ...]
    needed: tuple[str, ...]
    mandatory: bool = False


FILES = (
    ReferenceFile(
        "agencies.csv", "agency",
        ("agency_code", "name_vi", "name_en", "level", "parent_code", "gso_code", "valid_from", "valid_to"),
        codes=("agency_code", "parent_code"), dates=("valid_from", "valid_to"),
        needed=("agency_code", "name_vi", "level"), mandatory=True,
    ),
    ReferenceFile(
        "procedures.csv", "procedure",
        ("procedure_code", "name_vi", "field_code", "field_name_vi", "service_level", "has_fee", "processing_days",
         "day_kind", "announced_on", "published_on", "content_complete", "valid_from", "valid_to"),
        codes=("procedure_code", "field_code"), dates=("announced_on", "published_on", "valid_from", "valid_to"),
        needed=("procedure_code", "name_vi"), mandatory=True,
    ),
    ReferenceFile(
        "agency_succession.csv", "agency_succession",
        ("predecessor_code", "successor_code", "effective_on", "is_default", "legal_basis"),
        codes=("predecessor_code", "successor_code"), dates=("effective_on",),
        needed=("predecessor_code", "successor_code", "effective_on", "is_default"),
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
        cleaned[name] = value or None
    return cleaned


def _row_problems(kind: ReferenceFile, row: Row) -> list[str]:
    problems = [f"{name} is empty" for name in kind.needed if row[name] is None]
    for name in kind.dates:
        value = row[name]
        if value is not None and not _is_day(value):
            problems.append(f"{name} {value!r} is no date (write 2024-07-31)")
    start, end = row.get("valid_from"), row.get("valid_to")
    if start and end and _is_day(start) and _is_day(end) and start > end:
        problems.append(f"valid_to {end} lies before valid_from {start}")
    level = row.get("level")
    if kind.entity == "agency" and level is not None and level not in LEVELS:
        problems.append(f"level {level!r} is not one of {', '.join(LEVELS)}")
    if kind.entity == "agency_succession" and row["is_default"] not in (None, "0", "1"):
        problems.append("is_default is not 0 or 1")
    return problems


def _is_day(text: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def check_agencies(rows: list[Row], province_code: str) -> list[str]:
    """Mistakes of the tree of units: no root, unknown parents, cycles, one unit valid twice at once."""
    codes = {r["agency_code"] for r in rows}
    problems = [] if province_code in codes else [f"the province itself, {province_code}, is not listed"]
    problems += [
        f"{r['agency_code']}: the parent {r['parent_code']} is not listed"
        for r in rows
        if r["parent_code"] and r["parent_code"] not in codes
    ]
    spans: dict[str | None, list[tuple[str, str]]] = {}
    for r in rows:
        span = (r["valid_from"] or "0000-00-00", r["valid_to"] or "9999-99-99")
        if any(span[0] <= end and span[1] >= start for start, end in spans.get(r["agency_code"], [])):
            problems.append(f"{r['agency_code']} is listed twice for the same days")
        spans.setdefault(r["agency_code"], []).append(span)
    return problems + _cycles(rows)


def _cycles(rows: list[Row]) -> list[str]:
    """Units that lie above themselves on some day; judged at every day on which a row begins."""
    problems: set[str] = set()
    for day in sorted({r["valid_from"] or "0000-00-00" for r in rows}):
        parent = {
            r["agency_code"]: r["parent_code"]
            for r in rows
            if (r["valid_from"] or "0000-00-00") <= day <= (r["valid_to"] or "9999-99-99")
        }
        for code in parent:
            step, seen = parent[code], {code}
            while step is not None and step not in seen:
                seen.add(step)
                step = parent.get(step)
            if step == code:
                problems.add(f"{code} lies above itself")
    return sorted(problems)


def check_succession(rows: list[Row], agency_codes: set[str]) -> list[str]:
    """Mistakes of the succession: units that do not exist, predecessors without exactly one default."""
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
