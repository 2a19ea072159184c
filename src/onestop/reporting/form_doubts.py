"""How far rejected rows could move the rows of form II.06a: a field at a level, a level's sum, a field over all levels.

What bounds a unit's field, or the unit as a whole, stands in mart.metric_consequence; a level's row is a part of that. At
which level the uncertain dossiers stand, or could, is not said there. So a part could lose as many as the whole can, and
gain all that could be in the whole: never too narrow, and exact where one level alone handles the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from onestop.reporting.consequence import in_words
from onestop.reporting.model import COLUMNS, Bounds, Counts, LevelBlock, ReportFigures, total
from onestop.reporting.strings import Words

ALL = "*"  # all fields together, as in the warehouse
RATE = "on_time_rate"
_IN_TIME, _LATE = ("resolved_early", "resolved_on_time"), ("resolved_overdue",)
_NOTABLE = Decimal("0.001")  # of a count itself, of a rate in points: mart.metric_consequence.is_notable
Doubts = Mapping[str, Bounds]
"""Column of the form, or RATE -> bounds, of the figures that could move notably."""


def of_rows(figures: ReportFigures, unit: str, levels: Iterable[LevelBlock]) -> dict[tuple[str, str], Doubts]:
    """(level, field) -> doubts, for every row of a unit's form; ALL for a level's sum."""
    bounds = figures.form_bounds.get(unit)
    if not bounds:
        return {}
    blocks = tuple(levels)
    fields = {row.code for block in blocks for row in block.fields}
    whole = {code: over_levels(blocks, code) for code in fields} | {ALL: total(block.subtotal for block in blocks)}
    return {
        (block.level, code): _doubts(bounds.get(code, {}), counts, whole[code])
        for block in blocks
        for code, counts in [*((row.code, row.counts) for row in block.fields), (ALL, block.subtotal)]
    }


def of_field(figures: ReportFigures, unit: str, code: str, counts: Counts) -> Doubts:
    """The doubts of a unit's field over all levels; ALL for the unit itself."""
    return _doubts(figures.form_bounds.get(unit, {}).get(code, {}), counts, counts)


def over_levels(levels: Iterable[LevelBlock], code: str) -> Counts:
    """A field's figures over all levels."""
    return total(row.counts for block in levels for row in block.fields if row.code == code)


class Sayer(Protocol):
    """The words for the marks of a row of the form, by column."""

    def __call__(self, level: str, code: str = ALL) -> dict[str, str]: ...


def sayer(figures: ReportFigures, words: Words) -> Sayer:
    """Says the marks of the province's form."""
    found = of_rows(figures, figures.province_code, figures.levels)

    def say(level: str, code: str = ALL) -> dict[str, str]:
        return {column: in_words(one, figures, words, column) for column, one in found.get((level, code), {}).items()}

    return say


def _doubts(bounds: Doubts, part: Counts, whole: Counts) -> Doubts:
    if not bounds:
        return {}
    mine, of_whole = part.as_dict(), whole.as_dict()
    found = {name: _of_part(bounds[name], mine[name], of_whole[name]) for name in COLUMNS if name in bounds}
    notable = {name: one for name, one in found.items() if _moves(one, Decimal(mine[name]), _NOTABLE * mine[name])}
    rate = bounds.get(RATE) if part == whole else _rate_of_part(found, part)
    if rate and part.resolved_total and _moves(rate, Decimal(part.resolved_in_time) / part.resolved_total, _NOTABLE):
        notable[RATE] = rate
    return notable


def _of_part(found: Bounds, part: int, whole: int) -> Bounds:
    # Of the uncertain ones that stand in the whole, as many as do not fit beside the part stand in it.
    lowest, highest = int(found.lowest), whole if found.highest is None else int(found.highest)
    return Bounds(
        Decimal(max(part - (whole - lowest), 0)), Decimal(max(min(part, lowest) + highest - lowest, part)), found.rows
    )


def _rate_of_part(found: Doubts, part: Counts) -> Bounds | None:
    """Fewest in time with most late, and the other way round."""
    if not any(name in found for name in (*_IN_TIME, *_LATE)):
        return None
    counts = part.as_dict()
    fewest, most = (
        {name: getattr(found[name], end) if name in found else Decimal(counts[name]) for name in (*_IN_TIME, *_LATE)}
        for end in ("lowest", "highest")
    )
    in_time = [sum((side[name] for name in _IN_TIME), Decimal(0)) for side in (fewest, most)]
    late = [sum((side[name] for name in _LATE), Decimal(0)) for side in (most, fewest)]
    ends = [a / (a + b) if a + b else None for a, b in zip(in_time, late, strict=True)]
    lowest, highest = ends[0] if ends[0] is not None else Decimal(0), ends[1] if ends[1] is not None else Decimal(1)
    return Bounds(lowest, highest, max(one.rows for one in found.values()))


def _moves(found: Bounds, value: Decimal, by: Decimal) -> bool:
    return found.highest is None or max(value - found.lowest, found.highest - value) > by
