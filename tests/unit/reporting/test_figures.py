"""Which other periods a report may be compared with, and which months its trend shows."""

from __future__ import annotations

from datetime import date

from onestop.periods import parse
from onestop.reporting.figures import _last_months, _trend, _units
from onestop.reporting.levels import Tree
from onestop.reporting.model import Counts, PeriodCounts


def month(name: str, new: int) -> PeriodCounts:
    return PeriodCounts(parse(name), Counts(received_total=new, received_online=new, in_progress_total=new))


def test_twelve_months_up_to_the_periods_last() -> None:
    names = [m.name for m in _last_months(parse("2024-Q3"))]
    assert (len(names), names[0], names[-1]) == (12, "2023-M10", "2024-M09")
    assert _last_months(parse("calendar:2024"))[-1] == parse("calendar:2024-M12")


def test_trend_starts_where_the_feed_was_running() -> None:
    months = [month("2024-M05", 3), month("2024-M06", 40), month("2024-M07", 900), month("2024-M08", 1000)]
    assert [m.period.name for m in _trend(months, date(2024, 1, 1))] == ["2024-M07", "2024-M08"]
    assert [m.period.name for m in _trend(months, date(2024, 6, 16))] == ["2024-M08"]
    assert _trend(months, None) == ()
    assert _trend([], date(2024, 1, 1)) == ()


def test_units_with_figures_in_the_trees_order_under_the_names_of_the_form(tree: Tree) -> None:
    some = Counts(received_total=1)
    counts = {"H15": ("root", some), "H15.31.02": ("Tên mới", some), "H15.01": ("Sở Tư pháp", some)}
    rows = _units(counts, tree)
    assert [(r.code, r.name, r.level, r.depth, r.parent_name) for r in rows] == [
        ("H15.01", "Sở Tư pháp", "province", 1, ""),
        ("H15.31.02", "Tên mới", "commune", 2, "UBND thành phố Buôn Ma Thuột"),
    ]
