"""Former quarters: which files are taken, which refused, and what the products say of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from onestop.errors import ConfigurationError
from onestop.periods import parse
from onestop.reporting.former import HEADER, read_file
from onestop.reporting.model import Counts, PeriodCounts, ReportFigures
from onestop.reporting.page import write_page
from onestop.reporting.wording import former_notes

NUMBERS = (100, 30, 50, 20, 90, 60, 25, 5, 10, 8, 2)


def line(period: str = "2024-Q2", agency: str = "H15", numbers: tuple[object, ...] = NUMBERS) -> str:
    return ",".join(map(str, (period, agency, *numbers)))


def written(tmp_path: Path, *lines: str, header: str = ",".join(HEADER), encoding: str = "utf-8") -> Path:
    file = tmp_path / "former.csv"
    file.write_bytes("\r\n".join((header, *lines)).encode(encoding))
    return file


def test_rows_are_read(tmp_path: Path) -> None:
    rows, sha256 = read_file(written(tmp_path, line(), line("calendar:2023", "h15.07"), encoding="utf-8-sig"))
    assert [(row.period, row.agency_code) for row in rows] == [
        (parse("2024-Q2"), "H15"),
        (parse("calendar:2023"), "H15.07"),
    ]
    assert rows[0].counts == Counts(*NUMBERS)
    assert len(sha256) == 64


def test_semicolons_and_vietnamese_thousands(tmp_path: Path) -> None:
    row = ";".join(("2024-Q2", "H15", "1.234.567", *["0"] * 10))
    rows, _ = read_file(written(tmp_path, row, header=";".join(HEADER)))
    assert rows[0].counts.received_total == 1_234_567


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ((line("2024-Q5"),), "line 2"),
        ((line(numbers=("x", *NUMBERS[1:])),), "received_total is no whole number: 'x'"),
        ((line(numbers=("-1", *NUMBERS[1:])),), "received_total is no whole number"),
        ((line(numbers=("1.5", *NUMBERS[1:])),), "received_total is no whole number"),
        ((line(numbers=("1e3", *NUMBERS[1:])),), "received_total is no whole number"),
        ((line(numbers=NUMBERS[1:]),), "more or fewer cells"),
        ((line(agency=" "),), "agency_code is empty"),
        ((line(), line()), "stands twice"),
        ((), "holds no row"),
    ],
)
def test_a_wrong_file_is_refused_whole(tmp_path: Path, lines: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match="nothing was imported") as caught:
        read_file(written(tmp_path, *lines))
    assert said in str(caught.value)


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no column resolved_total"):
        read_file(written(tmp_path, header=",".join(name for name in HEADER if name != "resolved_total")))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00"])
def test_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(ConfigurationError):
        read_file(tmp_path / "a.csv")


def test_column_6_is_held_against_column_11(figures: ReportFigures) -> None:
    carried = figures.province.received_carried_over
    quarter = parse("2024-Q2")
    assert former_notes(figures) == []

    def beside(open_before: int) -> ReportFigures:
        printed = PeriodCounts(quarter, replace(Counts(), in_progress_total=open_before), is_printed=True)
        return replace(figures, previous_published=printed, previous=printed)

    first, second = former_notes(beside(carried + 5))
    assert first.endswith("ít hơn 5 hồ sơ.")
    assert "Quý II/2024" in second
    assert former_notes(beside(carried - 7))[0].endswith("nhiều hơn 7 hồ sơ.")
    assert former_notes(beside(carried))[0].endswith("khớp.")
    page = write_page(beside(carried + 5))
    assert "chênh lệch −5" in page
    assert "(số đã công bố)" in page
