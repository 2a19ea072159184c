"""Reads what a report needs from `report.form_ii_06a`, `report.form_ii_06a_level` and `mart.*`; of the
quarantine only how many rows lie in it.

A handful of queries, whatever the size of the warehouse; the result is checked (`ReportFigures.check`) before anybody
can print it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import tuple_row

from onestop.errors import OnestopError
from onestop.periods import Period, containing
from onestop.reporting.arrival_figures import load_expected
from onestop.reporting.former import published_counts
from onestop.reporting.levels import AgencyVersion, Tree, level_blocks
from onestop.reporting.measure_figures import load_measures, load_unit_fields
from onestop.reporting.model import (
    COLUMNS,
    Bounds,
    Counts,
    Durations,
    Level,
    LevelBlock,
    PeriodCounts,
    ReportFigures,
    UnitRow,
)
from onestop.reporting.wording import previous, year_before

# A feed that is only starting fills the periods before it with a few old dossiers; what holds less than this share of
# the period's new dossiers (a month's: of the fullest month's) is no period to compare with.
COMPARABLE_SHARE = 0.2
TREND_MONTHS = 12

_COUNTS = ", ".join(f"{name}::bigint" for name in COLUMNS)

PERIOD = "select is_preliminary from mart.dim_period where period_convention = %s and period = %s"
PERIODS = "select period from mart.dim_period where period_convention = %s order by period_to desc, period_from desc"
AGENCIES = """
    select agency_code, agency_name_vi, agency_level, parent_code, valid_from, valid_to
    from mart.dim_agency
    order by agency_code, valid_from nulls first
"""
UNITS = f"""
    select agency_code, agency_name_vi, {_COUNTS}
    from report.form_ii_06a
    where period_convention = %s and period = %s and org_view = 'as_was'
"""
FIELDS = f"""
    select agency_code, agency_level, field_code, field_name_vi, {_COUNTS}
    from report.form_ii_06a_level
    where period_convention = %s and period = %s and org_view = 'as_was' and agency_code = any(%s)
"""
OTHER_PERIODS = f"""
    select period, {_COUNTS}
    from report.form_ii_06a
    where period_convention = %s and period = any(%s) and org_view = 'as_was' and agency_code = %s
"""
FIRST_RECEIPT = "select min(received_on) from mart.fct_dossier"
DURATIONS = """
    select finished_on - received_on, count(*)
    from mart.fct_dossier
    where finished_on between %s and %s
    group by 1
"""
CONSEQUENCE = """
    select agency_code, field_code, metric_code, value_lowest, value_highest, rows_uncertain
    from mart.metric_consequence
    where
        period_convention = %s and period = %s and org_view = 'as_was' and is_notable
        and (field_code = '*' or metric_code = any(%s))
"""
FORM_BOUNDS = """
    select agency_code, field_code, metric_code, value_lowest, value_highest, rows_uncertain
    from mart.metric_consequence
    where
        period_convention = %s and period = %s and org_view = 'as_was' and agency_code = any(%s)
        and metric_code = any(%s)
"""
QUARANTINED = "select count(*) from quarantine.rejected_row where status = 'open' and entity = 'dossier'"


def load_figures(
    connection: psycopg.Connection[Any],
    period: Period,
    province_code: str,
    *,
    province_name: str,
    known_at: datetime,
    zone: ZoneInfo,
    unit_forms: Sequence[str] = (),
    all_units: bool = False,
) -> ReportFigures:
    """The figures of one period, in the view `as_was`.

    Args:
        connection: to the warehouse; only read from.
        period: the period of the report.
        province_code: the root of the tree, such as H15.
        province_name: such as Đắk Lắk.
        known_at: the moment whose knowledge the warehouse was built with; aware.
        zone: the province's time zone.
        unit_forms: codes of units whose own form is wanted too.
        all_units: with the form of every unit (`unit_levels`).

    Raises:
        OnestopError: the warehouse is not built, does not hold the period or a unit asked for, or its figures do not
            add up.
    """
    try:
        reader = _Reader(connection, period, province_code)
        return reader.figures(province_name, known_at.astimezone(zone), unit_forms, all_units=all_units)
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.InvalidSchemaName) as problem:
        raise OnestopError(
            f"the warehouse holds no report tables of this version ({problem.diag.message_primary})",
            next_step="build it: onestop transform",
        ) from problem


class _Reader:
    """The queries of one report."""

    def __init__(self, connection: psycopg.Connection[Any], period: Period, province_code: str) -> None:
        self._connection = connection
        self._period = period
        self._root = province_code
        self._key = (period.convention, period.name)

    def figures(
        self, province_name: str, known_at: datetime, unit_forms: Sequence[str], *, all_units: bool
    ) -> ReportFigures:
        is_preliminary = self._is_preliminary()
        counts = {code: (name, Counts(*numbers)) for code, name, *numbers in self._rows(UNITS, self._key)}
        versions = [AgencyVersion(*row) for row in self._rows(AGENCIES)]
        tree = Tree(versions, self._root, self._period.last, others=counts)
        if self._root not in counts:
            raise OnestopError(
                f"{self._period}: report.form_ii_06a has no row for the province {self._root}",
                next_step="compare province.code in province.yml with the root of agencies.csv; then onestop transform",
            )
        units = _units(counts, tree)
        everyone = [unit.code for unit in units] if all_units else []
        forms = self._forms([self._root, *unit_forms, *everyone])
        province = counts[self._root][1]
        neighbours = self._neighbours(province)
        metrics, measures, unit_kinds = load_measures(
            self._rows,
            self._period,
            has_previous=_is_held(neighbours["previous"]),
            has_last_year=_is_held(neighbours["year_before"]),
        )
        figures = ReportFigures(
            period=self._period,
            known_at=known_at,
            is_preliminary=is_preliminary,
            province_code=self._root,
            province_name=province_name,
            province=province,
            levels=forms[self._root],
            units=units,
            unit_forms={},
            unit_levels={code: forms[code] for code in everyone},
            durations=Durations(dict(self._rows(DURATIONS, (self._period.first, self._period.last)))),
            quarantined=next(iter(self._rows(QUARANTINED)))[0],
            **self._consequence(),
            form_bounds=self._form_bounds(list(forms)),
            metrics=metrics,
            measures=measures,
            unit_kinds=unit_kinds,
            unit_fields=load_unit_fields(self._rows, self._period),
            expected=load_expected(self._rows, self._period, known_at, str(known_at.tzinfo)) if is_preliminary else (),
            **neighbours,
        )
        figures = replace(figures, unit_forms={figures.unit(code).code: forms[code] for code in unit_forms})
        figures.check()
        return figures

    def _consequence(self) -> dict[str, Any]:
        of_unit: dict[str, dict[str, Bounds]] = {}
        of_field: dict[str, dict[str, dict[str, Bounds]]] = {}
        for unit, in_field, metric, *bounds in self._rows(CONSEQUENCE, (*self._key, list(COLUMNS))):
            found = of_unit if in_field == "*" else of_field.setdefault(unit, {})
            found.setdefault(unit if in_field == "*" else in_field, {})[metric] = Bounds(*bounds)
        return {"consequence": of_unit, "field_consequence": of_field}

    def _form_bounds(self, units: list[str]) -> dict[str, dict[str, dict[str, Bounds]]]:
        found: dict[str, dict[str, dict[str, Bounds]]] = {}
        for unit, in_field, metric, *bounds in self._rows(FORM_BOUNDS, (*self._key, units, [*COLUMNS, "on_time_rate"])):
            found.setdefault(unit, {}).setdefault(in_field, {})[metric] = Bounds(*bounds)
        return found

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._connection.cursor(row_factory=tuple_row) as cursor:
            return cursor.execute(query.encode(), values).fetchall()

    def _is_preliminary(self) -> bool:
        found = self._rows(PERIOD, self._key)
        if found:
            return bool(found[0][0])
        known = [name for (name,) in self._rows(PERIODS, (self._period.convention,))]
        if not known:
            raise OnestopError(
                f"{self._period}: the warehouse holds no {self._period.convention} period yet",
                next_step="load a source and build the warehouse (onestop run), then ask again",
            )
        like = [name for name in known if _shape(name) == _shape(self._period.name)] or known
        shown = ", ".join(like[:8]) + (f" and {len(like) - 8} older" if len(like) > 8 else "")
        raise OnestopError(
            f"{self._period}: the warehouse does not hold this period",
            next_step=f"choose one that it holds: {shown}; or load the sources up to that period first",
        )

    def _forms(self, codes: Sequence[str]) -> dict[str, tuple[LevelBlock, ...]]:
        """The forms of some units by code: fields by level."""
        rows: dict[str, dict[Level, dict[str, Counts]]] = {code: {} for code in codes}
        names: dict[str, str] = {}
        for agency, level, field, name, *numbers in self._rows(FIELDS, (*self._key, list(codes))):
            rows[agency].setdefault(level, {})[field] = Counts(*numbers)
            names[field] = name
        last = self._period.last
        return {code: level_blocks(rows[code], names, last, is_province=code == self._root) for code in codes}

    def _neighbours(self, province: Counts) -> dict[str, Any]:
        """The periods to compare with and the months of the trend, as far as the warehouse holds them in full."""
        before, last_year = previous(self._period), year_before(self._period)
        months = _last_months(self._period)
        wanted = {p.name: p for p in (before, last_year, *months) if p is not None}
        [(first_receipt,)] = self._rows(FIRST_RECEIPT)
        rows = self._rows(OTHER_PERIODS, (self._period.convention, list(wanted), self._root))
        held = {name: PeriodCounts(wanted[name], Counts(*numbers)) for name, *numbers in rows}
        printed = published_counts(self._connection, [p for p in (before, last_year) if p], self._root)

        def comparable(other: Period | None) -> PeriodCounts | None:
            if other is None:
                return None
            found = held.get(other.name)
            full = found and first_receipt is not None and first_receipt <= found.period.first
            return found if found and full and _is_sizeable(found.counts, province) else printed.get(other.name)

        return {
            "previous": comparable(before),
            "previous_published": printed.get(before.name) if before else None,
            # A year's previous period is the year before: one comparison, not the same one twice.
            "year_before": comparable(last_year) if before != last_year else None,
            "months": _trend([held[m.name] for m in months if m.name in held], first_receipt),
        }


def _is_held(other: PeriodCounts | None) -> bool:
    return other is not None and not other.is_printed


def _units(counts: Mapping[str, tuple[str, Counts]], tree: Tree) -> tuple[UnitRow, ...]:
    """The units with figures, in the tree's order; the province itself is not among them."""
    rows = []
    for code, depth in tree.walk():
        if depth and code in counts:
            name, figures = counts[code]
            parent = tree.parent(code)
            above = tree.name(parent) if parent and depth > 1 else ""
            rows.append(UnitRow(code, name or tree.name(code), tree.level(code), depth, above, figures))
    return tuple(rows)


def _is_sizeable(other: Counts, reference: Counts) -> bool:
    return other.received_new >= COMPARABLE_SHARE * reference.received_new


def _last_months(period: Period) -> list[Period]:
    """The months up to the period's last one, oldest first."""
    months: list[Period] = []
    day = period.last
    for _ in range(TREND_MONTHS):
        month = containing(day, "month", period.convention)
        if month is None:
            break
        months.insert(0, month)
        day = month.first - timedelta(days=1)
    return months


def _trend(months: Iterable[PeriodCounts], first_receipt: date | None) -> tuple[PeriodCounts, ...]:
    """The months from the first one that the warehouse holds in full; see COMPARABLE_SHARE."""
    held = [m for m in months if first_receipt is not None and first_receipt <= m.period.first]
    fullest = max((m.counts for m in held), key=lambda c: c.received_new, default=Counts())
    while held and not _is_sizeable(held[0].counts, fullest):
        held.pop(0)
    return tuple(held)


def _shape(name: str) -> str:
    """2024-Q3 -> 0000-Q0: periods of one kind have one shape."""
    return "".join("0" if c.isdigit() else c for c in name)
