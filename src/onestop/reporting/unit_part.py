"""A unit's own part of a period: a workbook with its form II.06a and the units below it, and nothing of any other unit.

Made from the figures that an edition keeps, alone. They are cut down to the unit's own before anything is written, so that
no sheet, note or property can show more.
"""

from __future__ import annotations

from dataclasses import replace

from onestop.reporting.model import Narrative, ReportFigures, UnitRow
from onestop.reporting.wording import province_title
from onestop.reporting.workbook import AT_A_UNIT, PROVINCE_SHEET, opened


def file_name(code: str, *, is_draft: bool) -> str:
    """The name of a unit's part."""
    return f"{'du-thao-' if is_draft else ''}bieu-ii-06a-{code.replace('/', '-')}.xlsx"


def own_part(figures: ReportFigures, code: str) -> ReportFigures:
    """The figures of a unit as if it were the whole: `units` are those below it.

    Raises:
        OnestopError: it has no figures in the period.
    """
    unit = figures.unit(code)
    below = _below(figures, unit)
    own = {code, *(one.code for one in below)}
    return replace(
        figures,
        province_code=code,
        province=unit.counts,
        levels=tuple(figures.unit_levels.get(code, ())),
        units=below,
        unit_forms={},
        unit_levels={},
        previous=None,
        year_before=None,
        months=(),
        durations=replace(figures.durations, by_days={}),
        quarantined=0,
        consequence={one: found for one, found in figures.consequence.items() if one in own},
        narrative=Narrative(),
        previous_published=None,
        expected=(),
        measures={one: found for one, found in figures.measures.items() if one in own},
        unit_kinds={one: kind for one, kind in figures.unit_kinds.items() if one in own},
        unit_fields={one: rows for one, rows in figures.unit_fields.items() if one in own},
    )


def write_unit_part(figures: ReportFigures, code: str) -> bytes:
    """The workbook's bytes; the same figures give the same bytes.

    Raises:
        OnestopError: the unit has no figures in the period.
    """
    unit, own = figures.unit(code), own_part(figures, code)
    office = f"Văn phòng UBND {province_title(figures.province_name)}"
    with opened(own, unit.name) as (buffer, form):
        form.write(PROVINCE_SHEET, unit.name, office, AT_A_UNIT, own.levels, own.province, code)
        if own.units:
            form.write_summary(unit.name, office)
    return buffer.getvalue()


def _below(figures: ReportFigures, unit: UnitRow) -> tuple[UnitRow, ...]:
    """The units under a unit: in the tree's order they follow it, deeper than it."""
    found = []
    for one in figures.units[figures.units.index(unit) + 1 :]:
        if one.depth <= unit.depth:
            break
        found.append(one)
    return tuple(found)
