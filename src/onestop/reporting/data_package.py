"""The data package of a period: its figures as CSV for people, as SDMX-CSV for statistical systems, and a description.

A ZIP file. `datapackage.json` follows the Data Package standard of Frictionless Data: every file with its columns in words,
its length and its SHA-256. `data.sdmx.csv` is SDMX-CSV 2.0: one observation a line. The same figures give the same bytes.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

from onestop.periods import Period
from onestop.reporting.literal import no_formula, zipped
from onestop.reporting.model import COLUMNS, Counts, ReportFigures
from onestop.reporting.public import numbers
from onestop.reporting.wording import period_title, province_title

DESCRIPTION = "datapackage.json"
SDMX = "data.sdmx.csv"
_SDMX_PERIODS = {"month": "M", "quarter": "Q", "half": "S", "year": "A", "nine_months": ""}
_MONTHS = {"month": 1, "quarter": 3, "half": 6, "nine_months": 9, "year": 12}

# name -> (type, what it is); one place for every column of every file.
_ABOUT: dict[str, tuple[str, str]] = {
    "agency_code": ("string", "Code of the unit (mã định danh)"),
    "agency_name_vi": ("string", "Name of the unit"),
    "agency_level": ("string", "Level of administration: province, district or commune"),
    "parent_name_vi": ("string", "Name of the unit above; empty directly below the province"),
    "field_code": ("string", "Code of the field of administration (lĩnh vực); ?: unknown"),
    "field_name_vi": ("string", "Name of the field of administration"),
    "relation": ("string", "current, previous (the period before) or year_before (the same period of the year before)"),
    "period": ("string", "Name of the period, such as 2024-Q3 or 2024-M07"),
    "period_from": ("date", "First day of the period, included"),
    "period_to": ("date", "Last day of the period, included"),
    "days": (
        "integer",
        "Calendar days from receipt to result; where small cells are left out, the first day of a band",
    ),
    "dossiers": ("integer", "Number of dossiers resolved in the period that took so many days"),
    "received_total": ("integer", "Form II.06a, column 3: dossiers to handle in the period = 4 + 5 + 6 = 7 + 11"),
    "received_online": ("integer", "Column 4: received in the period, online"),
    "received_direct_postal": ("integer", "Column 5: received in the period, in person or by post"),
    "received_carried_over": ("integer", "Column 6: carried over from the period before"),
    "resolved_total": ("integer", "Column 7: resolved = 8 + 9 + 10"),
    "resolved_early": ("integer", "Column 8: resolved before the due date"),
    "resolved_on_time": ("integer", "Column 9: resolved on the due date, or without one"),
    "resolved_overdue": ("integer", "Column 10: resolved after the due date"),
    "in_progress_total": ("integer", "Column 11: in progress at the period's end = 12 + 13"),
    "in_progress_within": ("integer", "Column 12: in progress within time, or suspended"),
    "in_progress_overdue": ("integer", "Column 13: in progress, overdue"),
    # SDMX-CSV
    "STRUCTURE": ("string", "SDMX-CSV 2.0: the kind of artefact that structures the data"),
    "STRUCTURE_ID": ("string", "SDMX-CSV 2.0: the dataflow, as AGENCY:ID(VERSION)"),
    "ACTION": ("string", "SDMX-CSV 2.0: I, the observations are information"),
    "PERIOD_CONVENTION": ("string", "Dimension: statutory (Decree 09/2019) or calendar"),
    "REF_UNIT": ("string", "Dimension: code of the unit"),
    "UNIT_LEVEL": ("string", "Dimension: level of the unit that handles the dossiers; _T: all levels"),
    "FIELD": ("string", "Dimension: code of the field; _T: all fields, _U: unknown"),
    "INDICATOR": ("string", "Dimension: the column of form II.06a"),
    "TIME_PERIOD": (
        "string",
        "Time: a calendar period by its SDMX name (2024-Q3), any other as first day and length (2024-06-15/P3M)",
    ),
    "OBS_VALUE": ("integer", "Number of dossiers"),
    "OBS_STATUS": (
        "string",
        "Attribute: A normal, P provisional (the period is not over, or this is a draft), Q left out",
    ),
    "UNIT_MEASURE": ("string", "Attribute: DOSSIER"),
}


@dataclass(frozen=True, slots=True)
class _Table:
    """One file of the package: what it is, its columns, its key, its rows."""

    name: str
    title: str
    columns: Sequence[str]
    key: Sequence[str]
    rows: Iterable[Sequence[object]]


def write_data_package(figures: ReportFigures, status: str) -> bytes:
    """The ZIP file's bytes; `status` as in figures.json."""
    files: dict[str, bytes] = {}
    resources: list[dict[str, Any]] = []
    for table in _tables(figures, status):
        content = _as_csv(table)
        files[table.name] = content
        resources.append(_resource(table, content))
    description = json.dumps(_description(figures, status, resources), ensure_ascii=False, indent=2) + "\n"
    return zipped({DESCRIPTION: description.encode("utf-8", "replace"), **files}, figures.known_at)


def _tables(figures: ReportFigures, status: str) -> Iterator[_Table]:
    unit = ("agency_code", "agency_name_vi", "agency_level", "parent_name_vi")
    root = (figures.province_code, province_title(figures.province_name), "province", "")

    def shown(node: str, counts: Counts) -> Iterable[int | None]:
        return numbers(figures, node, counts).values()

    yield _Table(
        "form_ii_06a.csv",
        "Form II.06a by unit; a unit's figures include the units below it",
        (*unit, *COLUMNS),
        ("agency_code",),
        [
            (*root, *shown(figures.province_code, figures.province)),
            *((u.code, u.name, u.level, u.parent_name, *shown(u.code, u.counts)) for u in figures.units),
        ],
    )
    yield _Table(
        "form_ii_06a_field.csv",
        "Form II.06a of the province by level and field",
        ("agency_level", "field_code", "field_name_vi", *COLUMNS),
        ("agency_level", "field_code"),
        [
            (block.level, row.code, row.name, *shown(f"{block.level}/{row.code}", row.counts))
            for block in figures.levels
            for row in block.fields
        ],
    )
    others = (("previous", figures.previous), ("year_before", figures.year_before))
    compared = [("current", figures.period, figures.province)]
    compared += [(name, other.period, other.counts) for name, other in others if other]
    yield _Table(
        "comparison.csv",
        "The province beside the period before and the same period of the year before, where the warehouse holds them in full",
        ("relation", "period", "period_from", "period_to", *COLUMNS),
        ("relation",),
        [
            (name, *_dates(period), *(shown(root[0], counts) if name == "current" else counts.values()))
            for name, period, counts in compared
        ],
    )
    yield _Table(
        "months.csv",
        "The province by month",
        ("period", "period_from", "period_to", *COLUMNS),
        ("period",),
        [(*_dates(month.period), *month.counts.values()) for month in figures.months],
    )
    yield _Table(
        "durations.csv",
        "How long the dossiers resolved in the period took",
        ("days", "dossiers"),
        ("days",),
        sorted(figures.durations.by_days.items()),
    )
    dimensions = ("PERIOD_CONVENTION", "REF_UNIT", "UNIT_LEVEL", "FIELD", "INDICATOR", "TIME_PERIOD")
    yield _Table(
        SDMX,
        "The same figures as SDMX-CSV 2.0",
        ("STRUCTURE", "STRUCTURE_ID", "ACTION", *dimensions, "OBS_VALUE", "OBS_STATUS", "UNIT_MEASURE"),
        dimensions,
        _observations(figures, status),
    )


def _observations(figures: ReportFigures, status: str) -> Iterator[tuple[object, ...]]:
    structure = ("dataflow", f"{figures.province_code}:DF_II_06A(1.0)", "I", figures.period.convention)
    obs_status = "P" if figures.is_preliminary or status != "published" else "A"
    root, now = figures.province_code, figures.period
    series: list[tuple[str, str, str, Period, dict[str, int | None]]]
    series = [(root, "_T", "_T", now, numbers(figures, root, figures.province))]
    series += [(unit.code, "_T", "_T", now, numbers(figures, unit.code, unit.counts)) for unit in figures.units]
    series += [
        (
            root,
            block.level,
            "_U" if row.code == "?" else row.code,
            now,
            numbers(figures, f"{block.level}/{row.code}", row.counts),
        )
        for block in figures.levels
        for row in block.fields
    ]
    seen = {now}
    for other in (figures.previous, figures.year_before, *figures.months):
        if other and other.period not in seen:
            seen.add(other.period)
            series.append((root, "_T", "_T", other.period, dict(other.counts.as_dict())))
    for unit_code, level, field, period, counts in series:
        for name, value in counts.items():
            key = (unit_code, level, field, name.upper(), _time(period))
            yield (*structure, *key, value, obs_status if value is not None else "Q", "DOSSIER")


def _time(period: Period) -> str:
    """A calendar period by its name in SDMX; the others exactly, as a time range."""
    letter = _SDMX_PERIODS[period.kind]
    if period.convention != "calendar" or not letter:
        return f"{period.first.isoformat()}/P{_MONTHS[period.kind]}M"
    number = {"M": f"{period.start_month:02d}", "Q": period.name[-1], "S": period.name[-1], "A": "1"}[letter]
    return f"{period.year}-{letter}{number}"


def _dates(period: Period) -> tuple[str, str, str]:
    return period.name, period.first.isoformat(), period.last.isoformat()


def _as_csv(table: _Table) -> bytes:
    text = StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(table.columns)
    writer.writerows([no_formula(value) for value in row] for row in table.rows)
    # Spreadsheets read UTF-8 by its mark; SDMX-CSV has none.
    return text.getvalue().encode("utf-8" if table.name == SDMX else "utf-8-sig", "replace")


def _resource(table: _Table, content: bytes) -> dict[str, Any]:
    return {
        "name": table.name.removesuffix(".csv").replace(".", "-"),
        "path": table.name,
        "title": table.title,
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "schema": {"fields": [_field(name) for name in table.columns], "primaryKey": list(table.key)},
    }


def _field(name: str) -> dict[str, str]:
    kind, about = _ABOUT[name]
    return {"name": name, "type": kind, "description": about}


def _description(figures: ReportFigures, status: str, resources: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    period = figures.period
    said: dict[str, Any] = {
        "profile": "tabular-data-package",
        "name": f"{figures.province_code.lower()}-ii-06a-{period.convention}-{period.name.lower()}",
        "title": f"Biểu II.06a/VPCP/KSTT, {period_title(period)}, {province_title(figures.province_name)}",
        "description": (
            "Settlement of administrative procedures, form II.06a/VPCP/KSTT of Circular 01/2020/TT-VPCP. Units as they were on"
            " the day of receipt. A text that begins like a spreadsheet's formula (= + - @) has ' before it."
        ),
        "created": figures.known_at.isoformat(),
        "status": status,
        "is_preliminary": figures.is_preliminary,
        "period_convention": period.convention,
        "period": period.name,
        "period_from": period.first.isoformat(),
        "period_to": period.last.isoformat(),
        "org_view": "as_was",
        "quarantined_open": figures.quarantined,
        "gaps": [gap.text_en for gap in figures.gaps],
        "smallest_shown": figures.least,
        "left_out": figures.hidden,
        "resources": list(resources),
    }
    if figures.edition:
        mark = figures.edition
        said["edition"] = {"version": mark.version, "sha256": mark.sha256, "reason": mark.reason}
    return said
