"""Marks in the form's rows by level and field: never too narrow, exact where one level has the field, shown by every product."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from itertools import product

import pytest

from onestop.reporting.consequence import MARK_NOTE
from onestop.reporting.document import contents
from onestop.reporting.form_doubts import ALL, RATE, of_field, of_rows
from onestop.reporting.model import Bounds, Counts, FieldRow, LevelBlock, ReportFigures
from onestop.reporting.page import write_page
from onestop.reporting.public import public
from onestop.reporting.unit_part import own_part
from onestop.reporting.workbook import write_workbook


@pytest.fixture
def doubted(figures: ReportFigures) -> ReportFigures:
    """20 resolved dossiers of registration (HT) could be more, and as many of all fields; one of the certified copies."""
    resolved = {code: sum(n for c, n in _resolved(figures) if code in (ALL, c)) for code in (ALL, "HT", "CT")}
    more = {
        code: {"resolved_total": Bounds(Decimal(n), Decimal(n + by), by)}
        for (code, n), by in zip(resolved.items(), (20, 20, 1), strict=True)
    }
    more["HT"][RATE] = Bounds(Decimal("0.90"), Decimal("0.99"), 20)
    return replace(
        figures, form_bounds={"H15": more}, consequence={"H15": {"resolved_total": more[ALL]["resolved_total"]}}
    )


def _resolved(figures: ReportFigures) -> list[tuple[str, int]]:
    return [(row.code, row.counts.resolved_total) for block in figures.levels for row in block.fields]


def _form(figures: ReportFigures, here: int, elsewhere: int, bounds: Bounds) -> ReportFigures:
    """A form with one field at two levels, of which one column is asked."""
    levels = tuple(
        LevelBlock(level, (FieldRow("HT", "Hộ tịch", Counts(resolved_overdue=n)),) if n else ())
        for level, n in (("province", here), ("commune", elsewhere))
    )
    return replace(figures, levels=levels, form_bounds={"H15": {"HT": {"resolved_overdue": bounds}}})


def test_a_levels_bounds_hold_whatever_level_the_uncertain_dossiers_are_of(figures: ReportFigures) -> None:
    """certain / uncertain now / possible afterwards, here and at the other level: all small numbers."""
    for sure, other, now, now_other, could in product(range(1, 3), range(3), range(3), range(3), range(4)):
        here, elsewhere = sure + now, other + now_other
        whole, lowest = here + elsewhere, sure + other
        found = _form(figures, here, elsewhere, Bounds(Decimal(lowest), Decimal(max(lowest + could, whole)), 9))
        told = of_rows(found, "H15", found.levels)[("province", "HT")].get("resolved_overdue")
        low, high = (int(told.lowest), told.highest) if told else (here, here)
        for could_be_here in range(could + 1):
            assert low <= sure and high is not None and high >= max(here, sure + could_be_here), (sure, now, could)
        if not elsewhere:
            assert (low, high) == (sure, max(here, sure + could))


def test_only_what_moves_notably_is_marked(doubted: ReportFigures) -> None:
    rows = of_rows(doubted, "H15", doubted.levels)
    sizes = {(block.level, row.code): row.counts.resolved_total for block in doubted.levels for row in block.fields}
    for key, size in sizes.items():
        by = {"HT": 20, "CT": 1}.get(key[1], 0)
        assert ("resolved_total" in rows[key]) == (by * 1000 > size), (key, size)
    # 1.2 million at the province's level: 20 are not notable there
    assert "resolved_total" not in rows[("province", ALL)] and "resolved_total" in rows[("commune", ALL)]
    assert rows[("commune", "HT")]["resolved_total"] == Bounds(Decimal(2650), Decimal(2670), 20)
    assert of_rows(doubted, "H15.31", doubted.levels) == {}


def test_a_rate_moves_with_its_parts(figures: ReportFigures) -> None:
    counts = Counts(resolved_total=100, resolved_early=90, resolved_overdue=10)
    other = Counts(resolved_total=1, resolved_early=1)
    levels = (
        LevelBlock("province", (FieldRow("HT", "", counts),)),
        LevelBlock("commune", (FieldRow("HT", "", other),)),
    )
    late = {"resolved_overdue": Bounds(Decimal(10), Decimal(30), 20), RATE: Bounds(Decimal("0.5"), Decimal("0.91"), 20)}
    found = replace(figures, levels=levels, form_bounds={"H15": {"HT": late}})
    assert of_rows(found, "H15", levels)[("province", "HT")][RATE] == Bounds(Decimal("0.75"), Decimal("0.9"), 20)
    whole = Counts(resolved_total=101, resolved_early=91, resolved_overdue=10)
    assert of_field(found, "H15", "HT", whole)[RATE] == late[RATE]
    same = replace(figures, form_bounds={"H15": {"HT": {RATE: Bounds(Decimal("0.9005"), Decimal("0.9012"), 1)}}})
    assert of_field(same, "H15", "HT", whole) == {}  # less than 0.1 points


def test_the_page_says_it_beside_the_row(doubted: ReportFigures, figures: ReportFigures) -> None:
    page = write_page(doubted)
    assert "± từ 2.650 đến 2.670 nếu tính cả 20 hồ sơ bị giữ chờ sửa" in page
    marked = sum(len(row) for row in of_rows(doubted, "H15", doubted.levels).values()) - sum(
        RATE in row for row in of_rows(doubted, "H15", doubted.levels).values()
    )
    form = page[page.index('<table class="form">') :].split("</table>")[0]
    assert form.count('<abbr class="doubt"') == marked + 1  # the total has its own
    assert '<abbr class="doubt"' not in write_page(figures)
    shown = public(replace(doubted, least=5), ())
    assert shown.form_bounds == {} and '<abbr class="doubt"' not in write_page(shown)


def test_the_workbooks_marks_are_formats(doubted: ReportFigures) -> None:
    content = write_workbook(doubted)
    archive = zipfile.ZipFile(BytesIO(content))
    strings, styles = (archive.read(f"xl/{name}.xml").decode() for name in ("sharedStrings", "styles"))
    assert MARK_NOTE in strings and "&quot;±&quot;" in styles
    plain = zipfile.ZipFile(BytesIO(write_workbook(replace(doubted, form_bounds={}))))
    sheets = [one.read("xl/worksheets/sheet1.xml") for one in (archive, plain)]
    assert sheets[0] != sheets[1]
    assert own_part(doubted, "H15.31").form_bounds == {}


def test_the_written_report_marks_fields_and_levels(doubted: ReportFigures, figures: ReportFigures) -> None:
    said = contents(doubted)
    fields = {row["name"]: row for row in said["fields"]}
    assert fields["Hộ tịch"]["resolved"].endswith("±") and fields["Hộ tịch"]["rate"].endswith("%±")
    assert fields["Hộ tịch"]["received"] == fields["Hộ tịch"]["received"].rstrip("±")
    assert not fields["Đất đai"]["resolved"].endswith("±")
    levels = {row["name"]: row["resolved"] for row in said["levels"]}
    assert levels["Cấp xã"].endswith("±") and not levels["Cấp tỉnh"].endswith("±") and levels["Tổng cộng"].endswith("±")
    annex = [row["cells"][4] for row in said["form"] if row["name"] == "Hộ tịch"]
    assert [cell.endswith("±") for cell in annex] == [True, True, True]
    assert MARK_NOTE in said["remarks"] and MARK_NOTE in said["form_notes"]
    assert "±" not in str(contents(figures))
