"""A figure counted again from its list: counts, sums, percentiles, points. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

Row = Mapping[str, Any]
_PERCENTILES = {"processing_working_days_p50": 5, "processing_working_days_p90": 9}


@dataclass(frozen=True, slots=True)
class Counted:
    """Numerator and denominator out of a list; a count has no denominator."""

    numerator: Decimal
    denominator: Decimal | None


def recount(metric: str, kind: str, items: Sequence[Row]) -> Counted:
    """Count a figure from the list that explains it.

    Args:
        metric: its code.
        kind: what the list holds: dossier, part, or a kind of item.
        items: the list.
    """
    if kind == "part":
        there = [row for row in items if row["reason"] is None]
        return Counted(_sum(there, "points"), _sum(there, "maximum"))
    if kind != "dossier":
        bottom = _sum(items, "denominator") if any(row["denominator"] is not None for row in items) else None
        return Counted(_sum(items, "numerator"), bottom)
    above = [row for row in items if row["in_numerator"]]
    below = [row for row in items if row["in_denominator"]]
    if metric in _PERCENTILES:
        days = sorted(row["processing_working_days"] for row in below)
        return Counted(_percentile(days, _PERCENTILES[metric]), Decimal(1 if days else 0))
    if metric == "processing_working_days_mean":
        return Counted(Decimal(sum(row["processing_working_days"] for row in below)), Decimal(len(below)))
    return Counted(Decimal(len(above)), Decimal(len(below)) if below else None)


def _percentile(days: Sequence[int], tenths: int) -> Decimal:
    """The continuous percentile at so many tenths, exact."""
    if not days:
        return Decimal(0)
    place = Fraction((len(days) - 1) * tenths, 10)
    low = int(place)
    high = min(low + 1, len(days) - 1)
    exact = days[low] + (days[high] - days[low]) * (place - low)
    return Decimal(exact.numerator) / Decimal(exact.denominator)


def _sum(rows: Sequence[Row], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows if row[column] is not None), Decimal(0))
