"""What the written report says, as texts ready to print: `document_word` and `document_pdf` only lay them out. Pure.

The form is that of Vietnamese administrative documents (Decree 30/2020/NĐ-CP): letterhead, number and date, results,
comparison, shortcomings, causes, proposals, annexes. Its names are public: offices use them in their own templates.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import yaml

from onestop.reporting import form_doubts, numbers_vi
from onestop.reporting.consequence import MARK, MARK_NOTE, form_note, of_unit
from onestop.reporting.literal import one_line
from onestop.reporting.model import COLUMNS, LEVELS, Counts, FieldRow, LevelBlock, ReportFigures, total
from onestop.reporting.numbers_vi import NO_BREAK_SPACE, integer, share
from onestop.reporting.strings import Words
from onestop.reporting.wording import (
    edition_notes,
    expected_notes,
    former_notes,
    period_title,
    province_title,
    standing,
)
from onestop.reporting.workbook import LEVEL_HEADINGS, LEVEL_SUBTOTALS, NOTES, SUMMARY_NOTE

FIELDS_SHOWN = 15
UNITS_SHOWN = 10
_DOTS = "…" * 20  # to be filled in by hand
_BLANK = NO_BREAK_SPACE * 8
_KINDS = ("Kỳ trước", "Cùng kỳ năm trước")
_VI = Words("vi")


def contents(figures: ReportFigures) -> dict[str, Any]:
    """Every text of the report by name; lists for paragraphs and rows of tables."""
    period, province = period_title(figures.period), province_title(figures.province_name)
    in_sentence = period[0].lower() + period[1:]
    narrative = figures.narrative
    number = one_line(narrative.number) or _BLANK
    first, last = numbers_vi.day(figures.period.first), numbers_vi.day(figures.period.last)
    say = partial(_say, period=in_sentence, province=province, first=first, last=last, number=number)
    root = figures.province_code
    whole, by_level = of_unit(figures, root), form_doubts.of_rows(figures, root, figures.levels)
    fields = _by_field(figures.levels)[:FIELDS_SHOWN]
    by_field = {row.code: form_doubts.of_field(figures, root, row.code, row.counts) for row in fields}
    is_marked = any(by_level.values()) or any(by_field.values())
    said = {
        "t": _words()["fixed"],
        "province": province.upper(),
        "number": say("number"),
        "annex_of": say("annex_of"),
        "date": _date(figures),
        "draft": "" if figures.edition else say("draft"),
        "about": say("about"),
        "opening": say(f"opening_{figures.period.convention}"),
        "results": _results(figures),
        "levels": [
            _row(
                LEVEL_HEADINGS[one.level][1].capitalize(), one.subtotal, by_level.get((one.level, form_doubts.ALL), ())
            )
            for one in figures.levels
        ]
        + [_row("Tổng cộng", figures.province, whole, is_sum=True)],
        "fields_intro": _say("fields_intro", shown=len(fields)),
        "fields": [_row(row.name, row.counts, by_field[row.code]) for row in fields],
        "comparison": _comparison(figures),
        "previous_title": period_title(figures.previous.period) if figures.previous else _KINDS[0],
        "year_before_title": period_title(figures.year_before.period) if figures.year_before else _KINDS[1],
        "period": period,
        "units": _late_units(figures),
        "shortcomings": _told(figures, narrative.shortcomings, "shortcomings"),
        "causes": _told(figures, narrative.causes, "causes"),
        "proposals": _told(figures, narrative.proposals, "proposals"),
        "remarks": _remarks(figures) + [MARK_NOTE] * is_marked,
        "closing": say("closing"),
        "recipients": _words()["recipients"],
        "signer": _words()["signer"],
        "form": _form(figures, by_level),
        "form_notes": [*NOTES, *filter(None, [form_note(figures, root)]), *[MARK_NOTE] * is_marked],
        "all_units": _all_units(figures),
        "all_units_notes": [*NOTES, SUMMARY_NOTE, *[MARK_NOTE] * bool(figures.consequence)],
        "standing": f"{standing(figures)}, {period}",
    }
    checked: dict[str, Any] = _one_line(said)
    return checked


@cache
def _words() -> dict[str, Any]:
    table: dict[str, Any] = yaml.safe_load(
        (Path(__file__).parent / "words" / "document_vi.yml").read_text(encoding="utf-8")
    )
    return table


def _say(name: str, **values: object) -> str:
    text: str = _words()[name]
    return text.format(nbsp=NO_BREAK_SPACE, **values)


def _one_line(value: Any) -> Any:
    """All texts within, each as one line that any file can hold."""
    if isinstance(value, str):
        return one_line(value) if value.strip() else value
    if isinstance(value, Mapping):
        return {name: _one_line(part) for name, part in value.items()}
    if isinstance(value, Sequence):
        return [_one_line(part) for part in value]
    return value


def _date(figures: ReportFigures) -> str:
    """Place and date: the day of approval; blank while nobody has approved. Days below 10 and months below 3 have a 0."""
    place = province_title(figures.province_name).removeprefix("tỉnh ").removeprefix("thành phố ")
    if figures.edition is None:
        return _say("date", place=place, day=_BLANK, month=_BLANK, year=figures.known_at.year)
    at = figures.edition.approved_at
    month = f"{at.month:02d}" if at.month < 3 else str(at.month)
    return _say("date", place=place, day=f"{at.day:02d}", month=month, year=at.year)


def _results(figures: ReportFigures) -> list[str]:
    now = figures.province
    lines = [
        _say(
            "received",
            total=integer(now.received_total),
            online=integer(now.received_online),
            online_share=_VI.percent(now.received_online, now.received_new),
            direct=integer(now.received_direct_postal),
            carried=integer(now.received_carried_over),
        ),
        _say(
            "resolved",
            total=integer(now.resolved_total),
            early=integer(now.resolved_early),
            on_time=integer(now.resolved_on_time),
            overdue=integer(now.resolved_overdue),
            rate=_VI.percent(now.resolved_in_time, now.resolved_total),
        ),
        _say(
            "in_progress",
            total=integer(now.in_progress_total),
            within=integer(now.in_progress_within),
            overdue=integer(now.in_progress_overdue),
        ),
    ]
    days = figures.durations
    if days.count:
        shares = {"median": days.percentile(0.5), "p90": days.percentile(0.9), "mean": days.mean}
        lines.append(_say("durations", **{name: _VI.decimal(value) for name, value in shares.items()}))
    return lines


def _row(name: str, counts: Counts, doubted: Container[str] = (), *, is_sum: bool = False) -> dict[str, Any]:
    """A row of a short table; figures that rejected rows could move notably are marked."""
    said = {
        "received": ("received_total", integer(counts.received_total)),
        "resolved": ("resolved_total", integer(counts.resolved_total)),
        "rate": (form_doubts.RATE, _rate(counts) if counts.resolved_total else "–"),
        "overdue": ("resolved_overdue", integer(counts.resolved_overdue)),
        "in_progress": ("in_progress_total", integer(counts.in_progress_total)),
        "open_overdue": ("in_progress_overdue", integer(counts.in_progress_overdue)),
    }
    return {"name": name, **{key: _marked(text, one in doubted) for key, (one, text) in said.items()}, "is_sum": is_sum}


def _marked(text: str, is_doubted: bool) -> str:
    return text + MARK if is_doubted else text


def _by_field(levels: Iterable[LevelBlock]) -> list[FieldRow]:
    """The fields over all levels, most dossiers first."""
    parts: dict[str, list[FieldRow]] = {}
    for block in levels:
        for row in block.fields:
            parts.setdefault(row.code, []).append(row)
    rows = [FieldRow(code, found[0].name, total(row.counts for row in found)) for code, found in parts.items()]
    return sorted(rows, key=lambda row: (-row.counts.received_total, row.code))


def _comparison(figures: ReportFigures) -> list[dict[str, str]]:
    """The province's figures beside two other periods; nothing when there is neither."""
    others = {"previous": figures.previous, "year_before": figures.year_before}
    if not any(others.values()):
        return []
    rows = []
    for label, column in (
        ("column_received", "received_total"),
        ("column_resolved", "resolved_total"),
        ("column_rate", None),
        ("column_overdue", "resolved_overdue"),
        ("column_in_progress", "in_progress_total"),
        ("column_open_overdue", "in_progress_overdue"),
    ):
        now = figures.province
        row = {"name": _words()["fixed"][label], "now": integer(getattr(now, column)) if column else _rate(now)}
        for key, other in others.items():
            if other is None:
                row |= {key: "–", f"{key}_change": "–"}
            elif column:
                then = getattr(other.counts, column)
                row |= {key: integer(then), f"{key}_change": _change(getattr(now, column), then)}
            else:
                row |= {key: _rate(other.counts), f"{key}_change": _change_of_rate(now, other.counts)}
        rows.append(row)
    return rows


def _rate(counts: Counts) -> str:
    return _VI.percent(counts.resolved_in_time, counts.resolved_total)


def _change(now: int, then: int) -> str:
    if now == then:
        return "0"
    sign = "+" if now > then else "−"
    text = sign + integer(abs(now - then))
    return f"{text} ({sign}{_VI.percent(abs(now - then), then, 1)})" if then else text


def _change_of_rate(now: Counts, then: Counts) -> str:
    if not (now.resolved_total and then.resolved_total):
        return "–"
    by = share(now.resolved_in_time, now.resolved_total) - share(then.resolved_in_time, then.resolved_total)
    sign = "+" if by > 0 else "−" if by < 0 else ""
    return _say("points", by=sign + numbers_vi.decimal(abs(by), 2))


def _late_units(figures: ReportFigures) -> list[dict[str, Any]]:
    """The units that have the most overdue dossiers themselves, those of the units below them aside."""
    own: list[Counts] = []
    path: list[int] = []  # the units above the one looked at
    for place, unit in enumerate(figures.units):
        own.append(unit.counts)
        while path and figures.units[path[-1]].depth >= unit.depth:
            path.pop()
        if path:
            own[path[-1]] -= unit.counts
        path.append(place)
    rows = [(u, c, c.resolved_overdue + c.in_progress_overdue) for u, c in zip(figures.units, own, strict=True)]
    late = sorted((row for row in rows if row[2]), key=lambda row: (-row[2], row[0].code))
    return [_row(unit.name, counts) for unit, counts, _ in late[:UNITS_SHOWN]]


def _told(figures: ReportFigures, lines: Sequence[str], what: str) -> list[str]:
    """The province's paragraphs, then its units', each with the unit's name."""
    words = figures.narrative.units
    said = [f"{u.name}: {line}" for u in figures.units if u.code in words for line in getattr(words[u.code], what)]
    return [f"- {one_line(line)}" for line in (*lines, *said) if line.strip()] or [_DOTS]


def _remarks(figures: ReportFigures) -> list[str]:
    lines = [_say("remark_known_at", moment=numbers_vi.moment(figures.known_at))]
    if figures.is_preliminary:
        lines.append(_say("remark_preliminary"))
    if figures.quarantined:
        lines.append(_say("remark_quarantined", n=integer(figures.quarantined)))
    if figures.edition is None:
        lines += [_say("remark_gap", gap=gap.text_vi) for gap in figures.gaps]
    return [f"- {line}" for line in lines] + expected_notes(figures) + former_notes(figures) + edition_notes(figures)


def _cells(
    number: str, name: str, counts: Counts | None, doubted: Container[str] = (), *, is_sum: bool = False
) -> dict[str, Any]:
    """A row of an annex; without counts a heading."""
    said = counts.as_dict().items() if counts else ()
    numbers = [_marked(integer(value), column in doubted) for column, value in said] or [""] * len(COLUMNS)
    return {"number": number, "name": name, "cells": numbers, "is_sum": is_sum}


def _form(figures: ReportFigures, doubts: Mapping[tuple[str, str], Container[str]]) -> list[dict[str, Any]]:
    rows = []
    for block in figures.levels:
        rows.append(_cells(*LEVEL_HEADINGS[block.level], None, is_sum=True))
        rows += [
            _cells(str(n), row.name, row.counts, doubts.get((block.level, row.code), ()))
            for n, row in enumerate(block.fields, 1)
        ]
        doubted = doubts.get((block.level, form_doubts.ALL), ())
        rows.append(_cells("", LEVEL_SUBTOTALS[block.level], block.subtotal, doubted, is_sum=True))
    return [*rows, _total(figures)]


def _all_units(figures: ReportFigures) -> list[dict[str, Any]]:
    rows = []
    for level in LEVELS:
        units = [unit for unit in figures.units if unit.level == level]
        if units:
            rows.append(_cells(*LEVEL_HEADINGS[level], None, is_sum=True))
            rows += [_cells(str(n), u.name, u.counts, of_unit(figures, u.code)) for n, u in enumerate(units, 1)]
    return [*rows, _total(figures)]


def _total(figures: ReportFigures) -> dict[str, Any]:
    return _cells("", "Tổng cộng", figures.province, of_unit(figures, figures.province_code), is_sum=True)
