"""Small cells among the metrics of units: which of them the public's page leaves out. Pure.

A metric is left out whole (value, numerator, denominator, rank) where its numerator, denominator or the rest of the two is
below the limit, where it would give away a number that the form leaves out, and where only it is left out among a unit
and those below it, so that the others would give it away. Scores are made of rates, and left out with any of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from decimal import Decimal

from onestop.reporting.measures import COUNTED, Measure, Measures
from onestop.reporting.model import ReportFigures

_NOTHING = Measure(None, None, None)
_Out = dict[str, set[str]]


def masked(figures: ReportFigures, least: int, hidden: Mapping[str, Collection[str]]) -> Measures:
    """The metrics of every unit as the public may read them; `hidden`: unit -> columns of its form that are left out."""
    out: _Out = {unit: _small(figures, unit, least) | _tied(figures, unit, hidden) for unit in figures.measures}
    families = _families(figures)
    while _spread(figures, out) | _complement(figures, out, families, least):
        pass
    return {
        unit: {
            code: _NOTHING if code in out[unit] else _without_past(figures, unit, measure, least)
            for code, measure in measures.items()
        }
        for unit, measures in figures.measures.items()
    }


def _parts(figures: ReportFigures, code: str, measure: Measure) -> tuple[Decimal, ...]:
    """The counts that a metric shows, or that follow from what it shows."""
    unit, n, d = figures.metrics[code].unit, measure.numerator, measure.denominator
    if unit in COUNTED:
        return (n,) if n is not None else ()
    if unit == "ratio" and n is not None and d is not None:
        return (n, d - n, d)
    return (d,) if d is not None else ()


def _is_small(number: Decimal, least: int) -> bool:
    return 0 < number < least


def _small(figures: ReportFigures, unit: str, least: int) -> set[str]:
    """Below the limit."""
    return {
        code
        for code, measure in figures.measures[unit].items()
        if any(_is_small(part, least) for part in _parts(figures, code, measure))
    }


def _tied(figures: ReportFigures, unit: str, hidden: Mapping[str, Collection[str]]) -> set[str]:
    """What shows the same number as a cell of the form that is left out; also by chance, since none can tell."""
    counts = figures.province if unit == figures.province_code else None
    counts = counts or next((one.counts for one in figures.units if one.code == unit), None)
    numbers = {counts.as_dict()[column] for column in hidden.get(unit, ())} if counts else set()
    return {
        code
        for code, measure in figures.measures[unit].items()
        if code in hidden.get(unit, ()) or numbers.intersection(_parts(figures, code, measure))
    }


def _spread(figures: ReportFigures, out: _Out) -> bool:
    """Within a unit: what shares a numerator or rest with one left out; the rest of its table; its scores."""
    grown = False
    for unit, codes in out.items():
        if not codes:
            continue
        measures = figures.measures[unit]
        shared = {part for code in codes for part in _parts(figures, code, measures[code])[:2]}
        tables = [{c.metric for c in layout.columns if c.metric in measures} for layout in figures.forms]
        more = {
            code
            for code, measure in measures.items()
            if shared.intersection(_parts(figures, code, measure)[:2]) or figures.metrics[code].unit == "point"
        }
        more |= {code for table in tables if table & codes for code in table if code}
        if more - codes:
            codes |= more
            grown = True
    return grown


def _families(figures: ReportFigures) -> list[tuple[str, list[str]]]:
    """Units that have others below them, with these."""
    above, families = [figures.province_code], dict[str, list[str]]()
    for unit in figures.units:
        del above[unit.depth :]
        families.setdefault(above[-1], []).append(unit.code)
        above.append(unit.code)
    return list(families.items())


def _complement(figures: ReportFigures, out: _Out, families: Iterable[tuple[str, list[str]]], least: int) -> bool:
    """Among a unit and those below it, none is left out alone, and what the unit handles itself is no small number."""
    grown = False
    for parent, children in families:
        for code, whole in figures.measures.get(parent, {}).items():
            having = [one for one in children if code in figures.measures.get(one, {})]
            kin = [one for one in (parent, *having) if code not in out[one]]
            missing = 1 + len(having) - len(kin)
            rests = [
                total - sum(parts)
                for total, *parts in zip(
                    _parts(figures, code, whole),
                    *(_parts(figures, code, figures.measures[one][code]) for one in having),
                    strict=False,
                )
            ]
            if missing == 1 or (not missing and any(_is_small(rest, least) for rest in rests)):
                candidates = [one for one in kin if one != parent] or kin
                if candidates:
                    chosen = min(candidates, key=lambda one: _price(figures, one, code))
                    out[chosen].add(code)
                    grown = True
    return grown


def _price(figures: ReportFigures, unit: str, code: str) -> tuple[bool, Decimal, str]:
    """The smallest first; one with a zero last, because a rate of 0 or 100 % is easily guessed."""
    parts = _parts(figures, code, figures.measures[unit][code])
    return 0 in parts, parts[-1] if parts else Decimal(0), unit


def _without_past(figures: ReportFigures, unit: str, measure: Measure, least: int) -> Measure:
    """Former values of a unit are left out, because what they counted is not at hand; the province's where it is many."""

    def kept(past: Decimal | None) -> Decimal | None:
        if past is None or unit != figures.province_code:
            return None
        size = measure.denominator or Decimal(0)
        return past if past in (0, 1) or min(past, 1 - past) * size >= 2 * least else None

    return measure._replace(previous=kept(measure.previous), last_year=kept(measure.last_year))
