"""The mark beside a figure that rejected rows could move, and the words for it.

Which figures those are stands in mart.metric_consequence (is_notable: over 0.1 percentage points of a rate, over 0.1 % of
a count); here they only get their words.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import partial

from onestop.reporting import numbers_vi
from onestop.reporting.measures import COUNTED
from onestop.reporting.model import COLUMNS, Bounds, ReportFigures
from onestop.reporting.strings import Words

MARK = "±"
_MILLION = 1_000_000
MARK_NOTE = (
    f"- {MARK} Số liệu có thể thay đổi quá 0,1 điểm phần trăm (tỷ lệ) hoặc quá 0,1 % (số lượng) nếu tính cả các bản ghi bị"
    " giữ chờ sửa; mức thấp nhất và cao nhất: xem trang tổng hợp."
)
FIRST_COLUMN = 3  # of form II.06a: the number of the first of COLUMNS


def bounds(figures: ReportFigures, unit: str, metric: str) -> Bounds | None:
    """The lowest and highest value of a unit's figure, where rejected rows could move it notably."""
    return of_unit(figures, unit).get(metric)


def said(figures: ReportFigures, words: Words, metric: str, unit: str | None = None) -> str:
    """The words for a figure's mark; empty where nothing could move it notably."""
    found = bounds(figures, unit or figures.province_code, metric)
    return in_words(found, figures, words, metric) if found else ""


def of_unit(figures: ReportFigures, unit: str) -> Mapping[str, Bounds]:
    """The bounds of all figures of a unit that rejected rows could move notably, by metric."""
    return figures.consequence.get(unit, {})


def said_of_field(figures: ReportFigures, words: Words, unit: str, in_field: str) -> dict[int, str]:
    """The same for the form's columns of a unit's field: the words by the column's place among COLUMNS."""
    found = figures.field_consequence.get(unit, {}).get(in_field, {})
    return {COLUMNS.index(metric): in_words(one, figures, words, metric) for metric, one in sorted(found.items())}


def in_words(found: Bounds, figures: ReportFigures, words: Words, metric: str) -> str:
    """The words for one mark."""
    label = figures.metrics.get(metric)
    say = partial(_as_text, unit=label.unit if label else "", words=words)
    rows = words("rejected_cases" if metric.startswith("feedback_") else "rejected_rows", n=words.integer(found.rows))
    if found.highest is None:
        return words("could_move_up", low=say(found.lowest), rows=rows)
    return words("could_move", low=say(found.lowest), high=say(found.highest), rows=rows)


def _as_text(value: Decimal, *, unit: str, words: Words) -> str:
    if unit == "ratio":
        return words.percent(round(value * _MILLION), _MILLION)
    return words.integer(int(value)) if unit in COUNTED else words.decimal(value, 2)


def form_note(figures: ReportFigures, unit: str) -> str:
    """The workbook's line about the marked numbers of a unit's form; empty where none is marked."""
    parts = [
        f"cột ({number}) từ {numbers_vi.integer(int(found.lowest))} đến {numbers_vi.integer(int(found.highest))}"
        for number, column in enumerate(COLUMNS, FIRST_COLUMN)
        if (found := bounds(figures, unit, column)) and found.highest is not None
    ]
    if not parts:
        return ""
    return f"- {MARK} Nếu tính cả các hồ sơ bị giữ chờ sửa, dòng Tổng cộng có thể là: {'; '.join(parts)}."
