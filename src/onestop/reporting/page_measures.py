"""The page's metrics: the province's against target and former periods, and what its script shows of each unit and field.

Every number leaves here as the text that is shown, so that the script never rounds.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from onestop.reporting import consequence, numbers_vi
from onestop.reporting.layouts import Column
from onestop.reporting.measures import COUNTED, Light, Measure, MetricLabel
from onestop.reporting.model import ReportFigures
from onestop.reporting.other_forms import lines
from onestop.reporting.public import MARK, numbers
from onestop.reporting.strings import Words

_KINDS = ("province", "department", "branch", "district", "commune")


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure as the page says it: texts, empty where there is nothing to say."""

    code: str
    name: str
    value: str
    numerator: str
    denominator: str
    previous: str
    last_year: str
    target: str
    basis: str
    light: Light | None
    is_small: bool
    rank: str
    doubt: str


def of_province(figures: ReportFigures, words: Words) -> list[Shown]:
    """The province's metrics in the registry's order of codes; those with a target first."""
    found = list(_of_unit(figures, figures.province_code, words))
    return [one for one in found if one.target] + [one for one in found if not one.target]


def _of_unit(figures: ReportFigures, unit: str, words: Words) -> Iterator[Shown]:
    for code, measure in figures.measures.get(unit, {}).items():
        label = figures.metrics[code]
        if label.unit not in COUNTED and measure.value is not None:
            yield _shown(code, label, measure, words, consequence.said(figures, words, code, unit))


def _shown(code: str, label: MetricLabel, measure: Measure, words: Words, doubt: str) -> Shown:
    is_share = label.unit == "ratio"
    n, d = (measure.numerator, measure.denominator) if is_share else (None, None)
    rank = words("rank_of", rank=measure.rank, of=measure.ranked) if measure.rank else ""
    return Shown(
        code=code,
        name=name(label, words),
        value=value(label, measure.value, words, n, d),
        numerator=_plain(n, words),
        denominator=_plain(d, words),
        previous=value(label, measure.previous, words),
        last_year=value(label, measure.last_year, words),
        target=value(label, measure.target, words),
        basis="; ".join(label.target_basis),
        light=measure.light(label),
        is_small=is_share and measure.is_small,
        rank=rank,
        doubt=doubt,
    )


def name(label: MetricLabel, words: Words) -> str:
    """The metric's name in the page's language."""
    return label.name_vi if words.language == "vi" else label.name_en


def value(
    label: MetricLabel,
    number: Decimal | None,
    words: Words,
    numerator: Decimal | None = None,
    denominator: Decimal | None = None,
) -> str:
    """A metric's value as text; a ratio is rounded from its numerator and denominator where they are known."""
    if number is None:
        return ""
    if label.unit != "ratio":
        return _plain(number, words)
    if numerator is None or not denominator:
        numerator, denominator = number, Decimal(1)
    return words.percent(numerator, denominator)


def _plain(number: Decimal | None, words: Words) -> str:
    if number is None:
        return ""
    return words.integer(int(number)) if number == int(number) else words.decimal(number, 2)


@dataclass(frozen=True, slots=True)
class FormTable:
    """One of the quarter's other parts, ready to print: heading, remark, heads (group, titles), rows."""

    key: str
    title: str
    unit: str
    note: str
    groups: tuple[tuple[str, int], ...]
    titles: tuple[str, ...]
    rows: tuple[tuple[str, str, tuple[str, ...]], ...]


def form_tables(figures: ReportFigures, words: Words) -> list[FormTable]:
    """The tables of `figures.forms`; a row is (level as a key, "total" for the province; name; texts)."""
    vi = words.language == "vi"
    tables = []
    for layout in figures.forms:
        rows = tuple(
            (
                line.level or "total",
                line.name,
                tuple(
                    _cell(column, number, figures, words, line.code)
                    for column, number in zip(layout.columns, line.values, strict=True)
                ),
            )
            for line in lines(layout, figures)
        )
        tables.append(
            FormTable(
                key=layout.code,
                title=layout.title_vi if vi else layout.title_en,
                unit=layout.unit_vi if vi else layout.unit_en,
                note=layout.note_vi if vi else layout.note_en,
                groups=tuple(layout.groups(vi)),
                titles=tuple(c.title_vi if vi else c.title_en for c in layout.columns),
                rows=rows,
            )
        )
    return tables


def _cell(column: Column, number: Decimal | None, figures: ReportFigures, words: Words, unit: str) -> str:
    if number is None or column.metric is None:
        return ""
    if column.show != "value":
        return _plain(number, words)
    mark = f" {consequence.MARK}" if consequence.bounds(figures, unit, column.metric) else ""
    return value(figures.metrics[column.metric], number, words) + mark


def script_data(figures: ReportFigures, words: Words) -> Markup:
    """What the script shows of units and fields, as JSON that cannot end the element it stands in."""
    codes = [code for code, label in figures.metrics.items() if label.unit not in COUNTED]
    names = {row.code: row.name for rows in figures.unit_fields.values() for row in rows}
    field_codes = sorted(names, key=lambda code: numbers_vi.sort_key(names[code]))
    places = {"metric": _places(codes), "field": _places(field_codes)}
    root = (figures.province_code, words("whole_province"), "", figures.province)
    units = [root, *((u.code, u.name, u.parent_name, u.counts) for u in figures.units)]
    data: dict[str, Any] = {
        "metrics": [[code, name(figures.metrics[code], words), figures.metrics[code].unit] for code in codes],
        "fields": [[code, names[code] if code != "?" else words("unknown_field")] for code in field_codes],
        "kinds": {kind: words(f"kind_{kind}") for kind in _KINDS},
        "units": [
            {
                "code": code,
                "name": said,
                "parent": parent,
                "kind": figures.unit_kinds.get(code, ""),
                "counts": list(numbers(figures, code, counts).values()),
                "fields": [
                    [
                        places["field"][row.code],
                        *row.counts.values(),
                        consequence.said_of_field(figures, words, code, row.code),
                    ]
                    for row in figures.unit_fields.get(code, ())
                ],
                "metrics": [
                    [
                        places["metric"][s.code],
                        *(s.value, s.numerator, s.denominator, s.previous, s.target),
                        *(s.light or "", int(s.is_small), s.rank, s.doubt),
                    ]
                    for s in _of_unit(figures, code, words)
                ],
            }
            for code, said, parent, counts in units
        ],
        "explain": f"--period {figures.period}" + (f" --edition {figures.edition.version}" if figures.edition else ""),
        "left_out": MARK,
        "dot": "." if words.language == "vi" else ",",
        "t": {key: words(key) for key in _SCRIPT_WORDS},
    }
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704


_SCRIPT_WORDS = (
    *("light_met", "light_near", "light_missed", "small", "close", "metric", "value", "of_which_counted", "before"),
    *("target", "verdict", "rank", "unit", "field_short", "received", "resolved", "early", "on_time", "late"),
    *("in_progress", "open_overdue", "rate", "no_rate", "metrics_heading", "fields_heading", "units_of_field"),
    *("explain_hint", "unranked", "total"),
)


def _places(codes: list[str]) -> dict[str, int]:
    return {code: place for place, code in enumerate(codes)}
