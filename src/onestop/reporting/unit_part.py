"""A unit's own part of a period: a workbook with its form II.06a and the units below it, and nothing of any other unit.

Made from the figures that an edition keeps, alone. They are cut down to the unit's own before anything is written, so that
no sheet, note or property can show more.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace

from onestop.reporting import answer_sheet
from onestop.reporting.answer_sheet import Question
from onestop.reporting.literal import one_line
from onestop.reporting.model import Narrative, OfficeWords, ReportFigures, UnitRow
from onestop.reporting.wording import province_title
from onestop.reporting.workbook import AT_A_UNIT, PROVINCE_SHEET, Form, opened

WORDS_SHEET = "Giải trình"


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
        field_consequence={code: found for code, found in figures.field_consequence.items() if code in own},
        form_bounds={code: found for code, found in figures.form_bounds.items() if code in own},
        narrative=Narrative(units={one: words for one, words in figures.narrative.units.items() if one in own}),
        previous_published=None,
        expected=(),
        measures={one: found for one, found in figures.measures.items() if one in own},
        unit_kinds={one: kind for one, kind in figures.unit_kinds.items() if one in own},
        unit_fields={one: rows for one, rows in figures.unit_fields.items() if one in own},
    )


def shown(figures: ReportFigures, code: str) -> str:
    """SHA-256 of the figures that a unit's part shows: the same for as long as they are the same."""
    own = own_part(figures, code)
    content = {"form": asdict(own.province), "levels": [asdict(one) for one in own.levels]}
    content["below"] = [asdict(one) for one in own.units]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def write_unit_part(figures: ReportFigures, code: str, question: Question | None = None) -> bytes:
    """The workbook's bytes; the same figures give the same bytes. question: with a sheet to answer on.

    Raises:
        OnestopError: the unit has no figures in the period.
    """
    unit, own = figures.unit(code), own_part(figures, code)
    office = f"Văn phòng UBND {province_title(figures.province_name)}"
    with opened(own, unit.name) as (buffer, form):
        form.write(PROVINCE_SHEET, unit.name, office, AT_A_UNIT, own.levels, own.province, code)
        if own.units:
            form.write_summary(unit.name, office)
        if own.narrative.units:
            _write_words(form, replace(own, units=(unit, *own.units)))
        if question is not None:
            answer_sheet.write(form, question)
    return buffer.getvalue()


def _write_words(form: Form, figures: ReportFigures) -> None:
    """A sheet with what the unit and those below it said of the period."""
    sheet, row = form.book.add_worksheet(WORDS_SHEET), 0
    sheet.set_column(0, 0, 110)
    for unit in figures.units:
        words = figures.narrative.units.get(unit.code, OfficeWords())
        for title, lines in (
            ("Tồn tại, hạn chế", words.shortcomings),
            ("Nguyên nhân", words.causes),
            ("Kiến nghị, đề xuất", words.proposals),
        ):
            if lines:
                sheet.write_string(row, 0, f"{unit.name}: {title}", form.formats.bold)
                for line in lines:
                    row += 1
                    sheet.write_string(row, 0, f"- {one_line(line)}", form.formats.wrapped)
                row += 1


def _below(figures: ReportFigures, unit: UnitRow) -> tuple[UnitRow, ...]:
    """The units under a unit: in the tree's order they follow it, deeper than it."""
    found = []
    for one in figures.units[figures.units.index(unit) + 1 :]:
        if one.depth <= unit.depth:
            break
        found.append(one)
    return tuple(found)
