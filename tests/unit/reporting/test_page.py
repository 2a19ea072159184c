"""The web page: what it says, and that it needs nothing from elsewhere."""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal
from html.parser import HTMLParser
from itertools import pairwise

import pytest

from onestop.reporting import charts
from onestop.reporting.model import COLUMNS, Counts, Durations, ReportFigures
from onestop.reporting.numbers_vi import integer, percent
from onestop.reporting.page import LEAST_RESOLVED, write_page

VOID = {"meta", "link", "input", "col", "br", "img", "hr"}


class Outline(HTMLParser):
    """Collects headings, tags and addresses; fails on tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.addresses: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.addresses += [v or "" for k, v in attrs if k in ("src", "href", "xlink:href", "action")]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += data


@pytest.fixture
def page(figures: ReportFigures) -> str:
    return write_page(figures)


def test_headline_figures(page: str, figures: ReportFigures) -> None:
    text = Outline(page).text
    assert integer(figures.province.received_total) in text
    assert percent(figures.province.resolved_in_time, figures.province.resolved_total) in text
    assert "Quý III/2024" in text
    assert "từ 15/06/2024 đến 14/09/2024" in text
    assert "(trước hạn + đúng hạn) ÷ đã giải quyết" in text
    assert "Số liệu cập nhật đến 08:00 25/09/2024" in text
    assert "Bản dự thảo" in text
    assert "1.234 bản ghi hồ sơ bị từ chối" in text


def test_nothing_comes_from_elsewhere(page: str) -> None:
    outline = Outline(page)
    assert [a for a in outline.addresses if a and not a.startswith("#")] == []
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|https?://(?!x\b)", page)


def test_names_are_escaped(page: str) -> None:
    assert "<b>Y tế</b>" not in page
    assert "&lt;b&gt;Y tế&lt;/b&gt;" in page


def test_headings_go_down_one_step_at_a_time(page: str) -> None:
    headings = Outline(page).headings
    assert headings[0] == 1
    assert headings.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(headings))


def test_charts_have_text_alternatives(page: str) -> None:
    svgs = [attributes for tag, attributes in Outline(page).tags if tag == "svg"]
    images = [a for a in svgs if a.get("role") == "img"]
    assert len(images) >= 3
    assert all(a.get("aria-label") for a in images)
    assert all(a.get("aria-hidden") == "true" for a in svgs if a not in images)


def test_the_form_table_shows_every_number_of_the_levels(page: str, figures: ReportFigures) -> None:
    start = page.index('<table class="form"')
    table = page[start : page.index("</table>", start)]
    bodies = re.findall(r"<tr[^>]*>(.*?)</tr>", table[table.index("<tbody") :], re.S)
    shown = [
        tuple(int(n.replace(".", "")) for n in cells)
        for cells in (re.findall(r"<td>([\d.]+)</td>", body) for body in bodies)
        if len(cells) == len(COLUMNS)
    ]
    expected = [c for block in figures.levels for c in (*(r.counts for r in block.fields), block.subtotal)]
    assert shown == [c.values() for c in (*expected, figures.province)]


def test_comparison_only_with_periods_that_are_there(page: str, figures: ReportFigures) -> None:
    assert "so với Quý\u00a0II/2024" in page
    assert "III/2023" not in page
    assert 'class="change"' in page
    assert 'class="change"' not in write_page(replace(figures, previous=None))


def test_change_in_words(figures: ReportFigures) -> None:
    then = figures.province
    same = write_page(replace(figures, previous=replace(figures.previous, counts=then)))  # type: ignore[type-var]
    assert "Không đổi so với Quý\u00a0II/2024" in same
    half = replace(then, resolved_overdue=2 * then.resolved_overdue)
    less = write_page(replace(figures, previous=replace(figures.previous, counts=half)))  # type: ignore[type-var]
    assert "Giảm 50,0\u00a0% so với Quý\u00a0II/2024" in less


def test_a_unit_with_few_dossiers_is_not_ranked(page: str, figures: ReportFigures) -> None:
    assert figures.unit("H15.32.01").counts.resolved_total < LEAST_RESOLVED
    ranking = page[page.index('class="panels"') : page.index('id="h-days"')]
    assert "UBND phường Tân Hòa" in ranking
    assert "UBND xã Đắk Liêng" not in ranking
    assert "UBND xã Đắk Liêng" in page


def test_best_and_worst_of_many(figures: ReportFigures) -> None:
    base = figures.unit("H15.32")
    many = tuple(
        replace(
            base, code=f"D{n:02d}", name=f"Đơn vị {n:02d}", counts=Counts(100, 100, 0, 0, 100, 100 - n, 0, n, 0, 0, 0)
        )
        for n in range(20)
    )
    page = write_page(replace(figures, units=many))
    ranking = page[page.index('class="panels"') : page.index('id="h-days"')]
    assert re.findall(r"Đơn vị (\d\d)", ranking) == ["00", "01", "02", "03", "04", "15", "16", "17", "18", "19"]


def test_nothing_resolved_yet(figures: ReportFigures) -> None:
    nothing = Counts(10, 10, 0, 0, 0, 0, 0, 0, 10, 10, 0)
    units = tuple(replace(u, counts=nothing) for u in figures.units[:1])
    page = write_page(
        replace(figures, province=nothing, units=units, levels=(), months=(), previous=None, durations=Durations({}))
    )
    assert "Chưa có hồ sơ nào được giải quyết trong kỳ." in page
    assert "không có" in page
    Outline(page)


def test_an_empty_period(figures: ReportFigures) -> None:
    page = write_page(
        replace(figures, province=Counts(), units=(), levels=(), months=(), previous=None, durations=Durations({}))
    )
    Outline(page)  # well formed
    assert "Quý III/2024" in page
    assert figures.units[0].name not in page and "nan" not in page.lower().split()


def test_english(figures: ReportFigures) -> None:
    page = write_page(figures, "en")
    assert '<html lang="en">' in page
    assert "Report of Đắk Lắk province" in page
    assert "Quarter 3 of 2024" in page
    assert "Tỷ lệ" not in page


def test_same_figures_same_page(figures: ReportFigures) -> None:
    assert write_page(figures) == write_page(figures)


def test_scales() -> None:
    assert charts.scale_start([Decimal("99.1")]) == 99
    assert charts.scale_start([Decimal("92.6")]) == 90
    assert charts.scale_start([Decimal("41")]) == 40
    assert charts.scale_start([Decimal(100)]) == 99
    for value in range(3000):
        top = charts._round_up(value)
        assert top >= value
        assert top % 4 == 0


def test_stacked_bar_fills_its_width_and_keeps_slivers_visible() -> None:
    pieces = [
        charts.Segment("early", "a", 999_999, "999.999", "99,99 %"),
        charts.Segment("late", "b", 1, "1", "0,01 %"),
    ]
    widths = [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)%"', charts.stacked_bar(pieces, "t"))]
    assert sum(widths) == pytest.approx(100, abs=0.01)
    assert widths[1] >= 0.3
