"""What the public reads of an edition's figures: small cells left out of the page, the data package and figures.json.

The official form, the written report and the other forms go to offices named in province.yml and keep their numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from onestop.periods import Period
from onestop.reporting.charts import DAY_RANGES
from onestop.reporting.model import COLUMNS, Counts, Durations, PeriodCounts, ReportFigures
from onestop.reporting.small_cells import Cell, Form, hide
from onestop.reporting.small_measures import masked

MARK = "*"
"""Stands for a number that is left out, where people read."""
_FLOWS = tuple(c for c in COLUMNS if not c.startswith(("in_progress", "received_total", "received_carried")))
_ENOUGH = 500  # a mean of fewer dossiers would tell of single ones

Printed = Mapping[str, Mapping[str, int | None]]
"""Node -> column -> number, None where it was left out."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What an earlier publication shows: of which period, and its numbers."""

    period: Period
    printed: Printed = field(default_factory=dict)


def public(figures: ReportFigures, earlier: tuple[Publication, ...] = ()) -> ReportFigures:
    """The figures for the public's products; `figures.least` is the smallest number shown, under 2: all are."""
    least = figures.least
    if least < 2:
        return figures
    form = Form.of(figures)
    forced, known = _from_earlier(figures.period, form, earlier, least)
    hidden: dict[str, tuple[str, ...]] = {}
    for node, column in sorted(hide(form, least, forced, known)):
        hidden[node] = (*hidden.get(node, ()), column)
    root = figures.province_code
    is_whole = root not in hidden
    return replace(
        figures,
        hidden=hidden,
        previous=_comparable(figures.previous, earlier, root, least) if is_whole else None,
        year_before=_comparable(figures.year_before, earlier, root, least) if is_whole else None,
        months=figures.months if is_whole and not any(_has_small(m.counts, least) for m in figures.months) else (),
        durations=_bands(figures.durations, least) if is_whole else Durations({}),
        consequence={},
        field_consequence={},
        form_bounds={},
        previous_published=figures.previous_published if is_whole else None,
        expected=figures.expected if is_whole else (),
        measures=masked(figures, least, hidden),
        unit_fields={},  # a unit's fields are small nearly everywhere
    )


def numbers(figures: ReportFigures, node: str, counts: Counts) -> dict[str, int | None]:
    """Column -> number as it may be shown, None where it is left out; `node` as in small_cells."""
    out = figures.hidden.get(node, ())
    return {column: None if column in out else number for column, number in counts.as_dict().items()}


def has_rate(figures: ReportFigures, node: str) -> bool:
    """Whether the on-time rate follows from what is shown anyhow."""
    return not {"resolved_total", "resolved_overdue"}.intersection(figures.hidden.get(node, ()))


def _has_small(counts: Counts, least: int) -> bool:
    return any(0 < number < least for number in counts.values())


def _comparable(
    other: PeriodCounts | None, earlier: tuple[Publication, ...], root: str, least: int
) -> PeriodCounts | None:
    """Another period's numbers of the province, where none is small or was left out when it was published itself."""
    if other is None or _has_small(other.counts, least):
        return None
    was_out = any(None in one.printed.get(root, {}).values() for one in earlier if one.period == other.period)
    return None if was_out else other


def _from_earlier(
    period: Period, form: Form, earlier: tuple[Publication, ...], least: int
) -> tuple[set[Cell], set[Cell]]:
    """What earlier publications make necessary: cells to leave out, and cells that hide nothing because they are known.

    Of the same period: left out once is left out again. Of a part or a whole of it: what came in and went out adds up, so
    a number left out there is left out here, and so is one by which a small rest would follow. Of a neighbour: what it
    leaves open is what the next one carries over.
    """
    forced: set[Cell] = set()
    known: set[Cell] = set()
    for one in earlier:
        columns = [(c, c) for c in COLUMNS] if one.period == period else _stocks(period, one.period)
        if one.period != period and (_within(one.period, period) or _within(period, one.period)):
            columns += [(c, c) for c in (*_FLOWS, "received_total")]
        for node, printed in one.printed.items():
            forced |= {(node, here) for here, there in columns if printed.get(there, 0) is None}
            if one.period == period and node in form.numbers:
                known |= {(node, c) for c, number in printed.items() if number == form.numbers[node][c]}
    newest = {one.period: one.printed for one in earlier if one.period != period}
    for whole in (period, *(other for other in newest if _within(period, other))):
        parts = _apart(whole, [other for other in newest if whole == period or not _meet(other, period)])
        covered = sum(_days(one) for one in (*parts, *([] if whole == period else [period])))
        if covered in (0, _days(whole)):
            continue  # nothing is left over, or what late changes made different
        for node, mine in form.numbers.items():
            for column in _FLOWS:
                sums = [newest[one].get(node, {}).get(column) for one in parts]
                top = mine[column] if whole == period else newest[whole].get(node, {}).get(column)
                if top is None or None in sums:
                    continue
                rest = top - sum(n or 0 for n in sums) - (0 if whole == period else mine[column])
                if 0 < rest < least and (parts or whole != period):
                    forced.add((node, column))
    return forced, known


def _within(part: Period, whole: Period) -> bool:
    return part != whole and whole.first <= part.first and part.last <= whole.last


def _meet(one: Period, other: Period) -> bool:
    return one.first <= other.last and other.first <= one.last


def _days(period: Period) -> int:
    return (period.last - period.first).days + 1


def _apart(whole: Period, others: Iterable[Period]) -> list[Period]:
    """Parts of a period that do not overlap, the longest first."""
    chosen: list[Period] = []
    for one in sorted((o for o in others if _within(o, whole)), key=lambda o: (-_days(o), o)):
        if not any(_meet(one, other) for other in chosen):
            chosen.append(one)
    return chosen


def _stocks(period: Period, other: Period) -> list[tuple[str, str]]:
    """Columns that are the same stock of dossiers in two periods: (here, there)."""
    ends = [("received_carried_over", "in_progress_total")] if (period.first - other.last).days == 1 else []
    ends += [("in_progress_total", "received_carried_over")] if (other.first - period.last).days == 1 else []
    if other != period and other.first == period.first:
        ends.append(("received_carried_over", "received_carried_over"))
    if other != period and other.last == period.last:
        ends += [(column, column) for column in COLUMNS if column.startswith("in_progress")]
    return ends


def _bands(durations: Durations, least: int) -> Durations:
    """Days joined, the band named by its first day, until no band is small; none where a part of the page's chart would be."""
    if durations.count < _ENOUGH:
        return Durations({})
    bands: dict[int, int] = {}
    for first, last in DAY_RANGES:
        found = 0
        start = first
        for day, number in sorted(durations.by_days.items()):
            if day < first or (last is not None and day > last):
                continue
            found += number
            if found >= least:
                bands[start], start, found = found, day + 1, 0
        if found:  # what is left joins the band before it
            inside = [day for day in bands if day >= first]
            if not inside:
                return Durations({})
            bands[max(inside)] += found
    return Durations(bands)
