"""Marks beside the figures that rejected rows could move: on the page, in the workbook, with their words."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from decimal import Decimal
from io import BytesIO

import pytest
from python_calamine import CalamineWorkbook

from onestop.reporting.consequence import form_note, said
from onestop.reporting.model import Bounds, ReportFigures
from onestop.reporting.page import write_page
from onestop.reporting.strings import Words
from onestop.reporting.workbook import write_workbook


@pytest.fixture
def doubted(figures: ReportFigures) -> ReportFigures:
    """The province's rate and its resolved dossiers, and a unit's rate, could move."""
    return replace(
        figures,
        consequence={
            "H15": {
                "on_time_rate": Bounds(Decimal("0.91234567"), Decimal(1), 1234),
                "resolved_total": Bounds(Decimal(1000), Decimal(2000), 1000),
            },
            "H15.31.10": {"on_time_rate": Bounds(Decimal(0), Decimal("0.5"), 3)},
        },
    )


def test_the_words_of_a_mark(doubted: ReportFigures) -> None:
    vi, en = Words("vi"), Words("en")
    assert said(doubted, vi, "on_time_rate") == (
        "± từ 91,23\u00a0% đến 100,00\u00a0% nếu tính cả 1.234 hồ sơ bị giữ chờ sửa"
    )
    assert said(doubted, en, "on_time_rate", "H15.31.10").startswith("± from 0.00% to 50.00% if 3 rejected")
    assert said(doubted, vi, "resolved_total").startswith("± từ 1.000 đến 2.000")
    assert said(doubted, vi, "received_total") == said(doubted, vi, "resolved_total", "H15.31.10") == ""


def test_the_page_marks_just_these_figures(doubted: ReportFigures, figures: ReportFigures) -> None:
    page = write_page(doubted)
    assert page.count('<dd class="doubt">') == 2
    assert page.count('<abbr class="doubt"') == 1 + 2 + 1  # the form's total; the province in the table; the unit there
    assert "± Số liệu có thể thay đổi quá 0,1 điểm phần trăm" in page
    plain = write_page(figures)
    assert "±" not in plain.split("</style>")[1].replace("<script>", "")


def test_the_workbook_marks_numbers_that_stay_numbers(doubted: ReportFigures, figures: ReportFigures) -> None:
    content = write_workbook(doubted)
    book = CalamineWorkbook.from_filelike(BytesIO(content))
    for sheet in ("II.06a", "Tổng hợp"):
        lines = book.get_sheet_by_name(sheet).to_python()
        (sums,) = [line for line in lines if line[1] == "Tổng cộng"]
        assert sums[6] == figures.province.resolved_total
        assert any(form_note(doubted, "H15") == line[0] for line in lines)
    styles = zipfile.ZipFile(BytesIO(content)).read("xl/styles.xml").decode()
    assert "&quot;±&quot;" in styles
    assert form_note(doubted, "H15").endswith("có thể là: cột (7) từ 1.000 đến 2.000.")
    assert form_note(doubted, "H15.31.10") == form_note(figures, "H15") == ""
    assert "±" not in str(
        CalamineWorkbook.from_filelike(BytesIO(write_workbook(figures))).get_sheet_by_index(0).to_python()
    )
