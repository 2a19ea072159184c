"""Former quarters as they were published: imported from a CSV file, compared with, and column 6 held against column 11.

A printed table is history: it is kept as it was printed, also where its figures contradict each other; the contradictions
are kept beside it.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg

from onestop import periods
from onestop.errors import ConfigurationError, OnestopError
from onestop.periods import Period
from onestop.reporting.model import COLUMNS, Counts, PeriodCounts

HEADER = ("period", "agency_code", *COLUMNS)
_NUMBERS = ", ".join(COLUMNS)
_NEXT = "the first line names the columns: " + ",".join(HEADER)
# One read for both kinds of publication: a published edition of the warehouse's own wins over an import.
PUBLISHED = f"""
    select period, {_NUMBERS} from (
        select form.period, {", ".join(f"form.{name}" for name in COLUMNS)}, 0 as place, form.edition_id as newest
        from published.form_ii_06a as form
        inner join published.edition as edition on form.edition_id = edition.edition_id
        where
            edition.status = 'published' and form.org_view = 'as_was'
            and form.period_convention = %(convention)s and form.period = any(%(periods)s) and form.agency_code = %(agency)s
        union all
        select period, {_NUMBERS}, 1 as place, import_id as newest
        from published.former_figure
        where period_convention = %(convention)s and period = any(%(periods)s) and agency_code = %(agency)s
    ) as known
    order by period, place desc, newest
"""


@dataclass(frozen=True, slots=True)
class FormerRow:
    """A unit's printed figures of one period."""

    period: Period
    agency_code: str
    counts: Counts


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import did: rows kept, rows that were there already, and contradictions by row in words."""

    kept: int
    unchanged: int
    contradictions: tuple[str, ...]


def read_file(path: Path) -> tuple[list[FormerRow], str]:
    """The rows of a CSV file and its SHA-256: UTF-8, comma or semicolon, a first line that names the columns.

    `period` as 2024-Q2 or calendar:2024-Q2; numbers as 224187 or, as Vietnam prints them, 224.187.

    Raises:
        ConfigurationError: it cannot be read, or a line is no such row; every wrong line is named.
    """
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{path} cannot be read: {problem}", next_step="save it as CSV UTF-8") from problem
    lines = text.splitlines()
    if not lines:
        raise ConfigurationError(f"{path} is empty", next_step=_NEXT)
    reader = csv.DictReader(StringIO(text, newline=""), delimiter=";" if ";" in lines[0] else ",")
    if missing := [name for name in HEADER if name not in (reader.fieldnames or ())]:
        raise ConfigurationError(f"{path}: no column {', '.join(missing)}", next_step=_NEXT)
    rows, wrong, seen = [], [], set()
    try:
        for row in reader:
            try:
                found = _row(row)
                key = (found.period, found.agency_code)
                if key in seen:
                    raise ValueError(f"{found.agency_code} in {found.period} stands twice")
                seen.add(key)
                rows.append(found)
            except (ValueError, OnestopError) as problem:
                wrong.append(f"line {reader.line_num}: {problem}")
    except csv.Error as problem:
        wrong.append(f"line {reader.line_num}: {problem}")
    if not rows and not wrong:
        wrong.append("it holds no row")
    if wrong:
        more = f"; and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ConfigurationError(f"{path}: {'; '.join(wrong[:5])}{more}; nothing was imported", next_step=_NEXT)
    return rows, hashlib.sha256(content).hexdigest()


def _row(row: dict[str, Any]) -> FormerRow:
    if None in row or None in row.values():
        raise ValueError("it has more or fewer cells than the first line")
    code = row["agency_code"].strip().upper()
    if not code:
        raise ValueError("agency_code is empty")
    return FormerRow(
        periods.parse(row["period"].strip()), code, Counts(*(_number(name, row[name]) for name in COLUMNS))
    )


def _number(name: str, text: str) -> int:
    said = text.strip()
    groups = said.split(".")
    is_plain = said.isascii() and said.isdigit()
    is_grouped = (
        len(groups) > 1
        and all(g.isascii() and g.isdigit() for g in groups)
        and 1 <= len(groups[0]) <= 3
        and all(len(g) == 3 for g in groups[1:])
    )
    if not (is_plain or is_grouped) or len(said) > 15:
        raise ValueError(f"{name} is no whole number: {said!r}")
    return int("".join(groups))


def keep(
    connection: psycopg.Connection[Any],
    rows: Sequence[FormerRow],
    *,
    file: str,
    sha256: str,
    at: datetime,
    by: str,
) -> Imported:
    """Keep the rows that differ from what was imported last, in one transaction."""
    kept, said = 0, []
    with connection.transaction():
        for row in rows:
            period, numbers = row.period, row.counts.values()
            broken = row.counts.broken_identities()
            if broken:
                said.append(f"{period}, {row.agency_code}: not {', not '.join(broken)}")
            last = connection.execute(
                f"select {_NUMBERS} from published.former_figure where period_convention = %s and period = %s"
                " and agency_code = %s order by import_id desc limit 1".encode(),
                [period.convention, period.name, row.agency_code],
            ).fetchone()
            if last is not None and tuple(last) == numbers:
                continue
            connection.execute(
                f"insert into published.former_figure (period_convention, period, period_from, period_to, agency_code,"
                f" {_NUMBERS}, contradictions, file_name, file_sha256, imported_at, imported_by)"
                f" values ({', '.join(['%s'] * 21)})".encode(),
                [
                    *(period.convention, period.name, period.first, period.last, row.agency_code, *numbers),
                    *(broken, file, sha256, at, by),
                ],
            )
            kept += 1
    return Imported(kept, len(rows) - kept, tuple(said))


def published_counts(
    connection: psycopg.Connection[Any], wanted: Iterable[Period], agency: str
) -> dict[str, PeriodCounts]:
    """A unit's published figures by name of the period, where the period was published; periods of one convention."""
    known = {period.name: period for period in wanted}
    if not known:
        return {}
    rows = connection.execute(
        PUBLISHED.encode(),
        {"convention": next(iter(known.values())).convention, "periods": list(known), "agency": agency},
    ).fetchall()
    return {name: PeriodCounts(known[name], Counts(*map(int, numbers)), is_printed=True) for name, *numbers in rows}
