"""Marks beside the figures that rejected rows could move: on the page, in the workbook, with their words."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from decimal import Decimal
from io import BytesIO

import pytest
from python_calamine import CalamineWorkbook

from onestop.reporting.consequence import MARK_NOTE, form_note, said
from onestop.reporting.model import Bounds, ReportFigures
from onestop.reporting.other_workbook import write_other_workbook
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
                "feedback_on_time_rate": Bounds(Decimal("0.5"), Decimal("0.8"), 2),
                "processing_working_days_mean": Bounds(Decimal("2.25"), None, 1),
            },
            "H15.31.10": {"on_time_rate": Bounds(Decimal(0), Decimal("0.5"), 3)},
        },
        field_consequence={"H15.31.10": {"HT": {"resolved_total": Bounds(Decimal(820), Decimal(823), 3)}}},
    )


def test_the_words_of_a_mark(doubted: ReportFigures) -> None:
    vi, en = Words("vi"), Words("en")
    assert said(doubted, vi, "on_time_rate") == (
        "± từ 91,23\u00a0% đến 100,00\u00a0% nếu tính cả 1.234 hồ sơ bị giữ chờ sửa"
    )
    assert said(doubted, en, "on_time_rate", "H15.31.10").startswith("± from 0.00% to 50.00% if 3 rejected")
    assert said(doubted, vi, "resolved_total").startswith("± từ 1.000 đến 2.000")
    assert said(doubted, vi, "feedback_on_time_rate").endswith("nếu tính cả 2 phản ánh, kiến nghị bị giữ chờ sửa")
    assert said(doubted, vi, "processing_working_days_mean") == "± từ 2,25 trở lên nếu tính cả 1 hồ sơ bị giữ chờ sửa"
    assert (
        said(doubted, en, "processing_working_days_mean") == "± from 2.25 upwards if 1 rejected dossiers were counted"
    )
    assert said(doubted, vi, "received_total") == said(doubted, vi, "resolved_total", "H15.31.10") == ""


def test_the_page_marks_just_these_figures(doubted: ReportFigures, figures: ReportFigures) -> None:
    page = write_page(doubted)
    assert page.count('<dd class="doubt">') == 2
    # the form's total; the province in the table; the unit there; three metrics of the province
    assert page.count('<abbr class="doubt"') == 1 + 2 + 1 + 3
    assert '"± từ 0,00\u00a0% đến 50,00\u00a0% nếu tính cả 3 hồ sơ bị giữ chờ sửa"' in page  # a unit's, for the script
    assert '{"4":"± từ 820 đến 823 nếu tính cả 3 hồ sơ bị giữ chờ sửa"}]' in page  # a field of its, column 7
    assert "<td>75,00\u00a0% ±</td>" in page  # the form of feedback
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


def test_the_other_forms_mark_shares_that_stay_numbers(doubted: ReportFigures, figures: ReportFigures) -> None:
    content = write_other_workbook(doubted)
    texts = [str(cell) for sheet in sheets(content) for line in sheet for cell in line]
    assert (7500.0 in numbers(content), MARK_NOTE in texts) == (True, True)
    styles = zipfile.ZipFile(BytesIO(content)).read("xl/styles.xml").decode()
    assert "%&quot;±&quot;" in styles
    assert "±" not in str(sheets(write_other_workbook(figures)))


def sheets(content: bytes) -> list[list[list[object]]]:
    book = CalamineWorkbook.from_filelike(BytesIO(content))
    return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]


def numbers(content: bytes) -> set[float]:
    return {cell for sheet in sheets(content) for line in sheet for cell in line if isinstance(cell, float)}
