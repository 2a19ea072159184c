"""Tables whose layout a province configures: the rows, the package's own layouts, what is refused."""

from __future__ import annotations

from decimal import Decimal
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.reporting.layouts import Column, Layout
from onestop.reporting.measures import Measure
from onestop.reporting.model import ReportFigures
from onestop.reporting.other_forms import layouts, lines
from onestop.reporting.other_workbook import write_other_workbook
from onestop.reporting.page import write_page


def settings(tmp_path: Path, forms: str | None) -> Settings:
    source = {"id": "igate", "kind": "one_stop_api", "base_url": "http://127.0.0.1:1", "credentials": "IGATE"}
    return Settings.model_validate(
        {
            "province": {"code": "H15", "name_vi": "Đắk Lắk"},
            "reports": {"forms": forms} if forms else {},
            "sources": [source],
            "file": tmp_path / "province.yml",
        }
    )


@pytest.mark.parametrize(
    ("show", "expected"), [("value", "0.75"), ("numerator", "9"), ("denominator", "12"), ("rest", "3")]
)
def test_a_column_shows_one_part_of_a_metric(show: str, expected: str) -> None:
    column = Column(title_vi="a", title_en="a", metric="m", show=show)  # type: ignore[arg-type]
    assert column.of(Measure(Decimal(9), Decimal(12), Decimal("0.75"))) == Decimal(expected)
    assert column.of(None) is None


def test_groups_span_neighbours_of_one_name() -> None:
    columns = tuple(
        Column(title_vi=t, title_en=t, group_vi=g) for t, g in (("a", "x"), ("b", "x"), ("c", ""), ("d", "x"))
    )
    layout = Layout(code="1", title_vi="", title_en="", unit_vi="", unit_en="", columns=columns)
    assert layout.groups(vi=True) == [("x", 2), ("", 1), ("x", 1)]


def test_the_rows_are_units_with_a_number_and_the_province(figures: ReportFigures) -> None:
    feedback = figures.forms[0]
    rows = list(lines(feedback, figures))
    assert [row.code for row in rows] == ["H15.01", "H15"]
    assert rows[-1].level is None
    assert rows[0].values[:2] == (Decimal(12), Decimal(0))  # a count that the warehouse has no row of is 0
    assert rows[0].values[-1] is None  # a rate that it has no row of is unknown
    overdue = list(lines(figures.forms[1], figures))
    assert {row.code: row.values[0] for row in overdue}["H15.31"] == figures.unit("H15.31").counts.resolved_overdue


def test_the_package_s_layouts_name_metrics_that_exist(figures: ReportFigures, tmp_path: Path) -> None:
    found = layouts(settings(tmp_path, None), figures.metrics)
    assert [layout.code for layout in found] == ["II.05", "II.07", "II.08"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "holds no layout"),
        ("code: [", "is no layout of a form"),
        ("{code: '1', title_vi: a, title_en: a, unit_vi: a, unit_en: a, columns: [], colour: red}", "colour"),
        (
            "{code: '1', title_vi: a, title_en: a, unit_vi: a, unit_en: a, columns: [{title_vi: a, title_en: a, metric: nope}]}",
            "unknown metric: nope",
        ),
    ],
)
def test_a_layout_that_cannot_be_used_is_refused(
    figures: ReportFigures, tmp_path: Path, text: str | None, said: str
) -> None:
    (tmp_path / "forms").mkdir()
    if text is not None:
        (tmp_path / "forms" / "a.yml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError, match=said):
        layouts(settings(tmp_path, "forms"), figures.metrics)


def test_the_workbook(figures: ReportFigures) -> None:
    content = write_other_workbook(figures)
    assert content == write_other_workbook(figures)
    book = openpyxl.load_workbook(BytesIO(content))
    assert book.sheetnames == ["II.05", "II.07", "II.08"]
    sheet = book["II.07"]
    rows = {row[1].value: row for row in sheet.iter_rows(min_row=10) if row[1].value}
    assert rows["Tổng cộng"][2].value == figures.province.resolved_overdue
    share = rows["Tổng cộng"][4]
    expected = round(figures.province.resolved_overdue / figures.province.resolved_total * 10000)
    assert (share.value, share.number_format) == (expected, r"0\,00\ \%")
    hostile = next(row[1] for row in book["II.08"].iter_rows(min_row=11) if row[1].value)
    assert (hostile.value, hostile.data_type) == (figures.unit("H15.02").name, "s")  # a text, no formula


def test_the_page_has_every_form(figures: ReportFigures) -> None:
    page = write_page(figures)
    for layout in figures.forms:
        assert f"Biểu {layout.code}. {layout.title_vi}" in page
