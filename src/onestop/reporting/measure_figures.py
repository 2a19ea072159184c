"""Reads every metric of every unit of one period from `mart.metric_comparison`, in the view `as_was`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

from onestop.periods import Period
from onestop.reporting.measures import Measure, Measures, MetricLabel
from onestop.reporting.model import COLUMNS, Counts, FieldRow

Rows = Callable[[str, Sequence[object]], Iterable[tuple[Any, ...]]]
"""Runs a query with its values."""

METRICS = """
    select metric_code, metric_name_vi, metric_name_en, unit, direction, legal_basis, metric_version
    from mart.dim_metric
    order by metric_code
"""
# Twelve digits tell apart any two ratios of a province's dossiers; exact are numerator and denominator.
MEASURES = """
    select
        agency_code, agency_level, metric_code, target_legal_basis,
        trim_scale(numerator), trim_scale(denominator), trim_scale(round(value, 12)),
        trim_scale(round(previous_value, 12)), trim_scale(round(last_year_value, 12)), trim_scale(target),
        rank, ranked_units
    from mart.metric_comparison
    where period_convention = %s and period = %s and org_view = 'as_was'
    order by agency_code, metric_code
"""
UNIT_FIELDS = f"""
    select agency_code, field_code, field_name_vi, {", ".join(f"{name}::bigint" for name in COLUMNS)}
    from report.form_ii_06a_field
    where period_convention = %s and period = %s and org_view = 'as_was'
    order by agency_code, field_code
"""


def load_measures(
    rows: Rows, period: Period, *, has_previous: bool, has_last_year: bool
) -> tuple[dict[str, MetricLabel], Measures, dict[str, str]]:
    """The registry's metrics, the figures by unit and metric, and each unit's kind (the level that it is ranked in).

    Args:
        rows: runs a query.
        period: the period of the report.
        has_previous: whether the warehouse holds the period before in full; if not, nothing is compared with it.
        has_last_year: the same of last year's period.
    """
    labels = {code: MetricLabel(*words) for code, *words in rows(METRICS, ())}
    found: dict[str, dict[str, Measure]] = {}
    bases: dict[str, set[str]] = {}
    kinds: dict[str, str] = {}
    for agency, kind, metric, basis, *numbers in rows(MEASURES, (period.convention, period.name)):
        measure = Measure(*numbers)
        if not has_previous:
            measure = measure._replace(previous=None)
        if not has_last_year:
            measure = measure._replace(last_year=None)
        found.setdefault(agency, {})[metric] = measure
        kinds[agency] = kind or ""
        if basis:
            bases.setdefault(metric, set()).add(basis)
    metrics = {code: replace(label, target_basis=tuple(sorted(bases.get(code, ())))) for code, label in labels.items()}
    return metrics, found, kinds


def load_unit_fields(rows: Rows, period: Period) -> dict[str, tuple[FieldRow, ...]]:
    """Form II.06a of every unit by field, largest field first."""
    found: dict[str, list[FieldRow]] = {}
    for agency, field, name, *numbers in rows(UNIT_FIELDS, (period.convention, period.name)):
        found.setdefault(agency, []).append(FieldRow(field, name, Counts(*numbers)))
    return {
        agency: tuple(sorted(fields, key=lambda row: (-row.counts.received_total, row.code)))
        for agency, fields in found.items()
    }
