"""The sheet that units answer on, written and read back, and where each unit stands."""

from __future__ import annotations

from datetime import datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from openpyxl import load_workbook
from python_calamine import CalamineWorkbook

from onestop.errors import OnestopError
from onestop.reporting import answer_sheet, unit_part
from onestop.reporting.answer_sheet import Answer, Objection, Question
from onestop.reporting.editions.unit_answers import Statement, standing
from onestop.reporting.model import COLUMNS, ReportFigures

UNTIL = datetime.fromisoformat("2024-09-18T17:00:00+07:00")
UNIT = "H15.31"


def sheet(figures: ReportFigures) -> bytes:
    name = figures.unit(UNIT).name
    asked = Question(figures.period, UNIT, name, unit_part.shown(figures, UNIT), UNTIL)
    return unit_part.write_unit_part(figures, UNIT, asked)


def filled(
    content: bytes, labels: dict[str, str], lines: list[tuple[Any, Any, Any]], blank_above: int = 0
) -> list[Any]:
    """The rows as a reader sees them after an officer filled them in."""
    book = load_workbook(BytesIO(content))
    form = book[answer_sheet.SHEET]
    places = {cell.value: cell.row for cell in form["A"] if cell.value}
    for label, text in labels.items():
        assert not form.cell(places[label], 2).protection.locked
        form.cell(places[label], 2).value = text
    first = places["Cột của biểu"] + 1
    for offset, line in enumerate(lines):
        for column, value in enumerate(line, 1):
            form.cell(first + offset, column).value = value
    if blank_above:
        form.insert_rows(3, blank_above)
    saved = BytesIO()
    book.save(saved)
    rows = CalamineWorkbook.from_filelike(BytesIO(saved.getvalue())).get_sheet_by_name(answer_sheet.SHEET)
    return list(rows.to_python(skip_empty_area=False))


CONFIRM = {"Trả lời (chọn)": "Xác nhận", "Người trả lời": "  Phạm  D "}
CONTEST = {**CONFIRM, "Trả lời (chọn)": "không nhất trí"}


def test_a_confirmation_comes_back(figures: ReportFigures) -> None:
    content = sheet(figures)
    assert content == sheet(figures)
    found = answer_sheet.read(filled(content, CONFIRM, []))
    shown = unit_part.shown(figures, UNIT)
    assert found == Answer("statutory:2024-Q3", UNIT, shown, "Phạm  D", "", ())


def test_objections_come_back_with_their_column_and_dossiers(figures: ReportFigures) -> None:
    lines = [
        ("(10) Đã giải quyết: quá hạn", "H15.31-240801-0001, H15.31-240801-0002;H15.31-240801-0001", "Đã trả đúng hạn"),
        (3, None, "-Thiếu hồ sơ"),
        (None, "H15.31-240801-0003", None),
    ]
    found = answer_sheet.read(filled(sheet(figures), CONTEST, lines, blank_above=2))
    assert found.objections == (
        Objection("resolved_overdue", ("H15.31-240801-0001", "H15.31-240801-0002"), "Đã trả đúng hạn"),
        Objection("received_total", (), "-Thiếu hồ sơ"),
        Objection(None, ("H15.31-240801-0003",), "Hồ sơ kèm theo"),
    )
    general = answer_sheet.read(filled(sheet(figures), {**CONTEST, "Ý kiến chung": "Số liệu thiếu"}, []))
    assert general.objections == (Objection(None, (), "Số liệu thiếu"),)


def test_every_column_of_the_form_can_be_chosen(figures: ReportFigures) -> None:
    book = load_workbook(BytesIO(sheet(figures)))
    choices = [cell.value for cell in book[answer_sheet.SHEET]["H"] if cell.value]
    lines = [(choice, None, "sai") for choice in choices]
    found = answer_sheet.read(filled(sheet(figures), CONTEST, lines))
    assert tuple(one.column_name for one in found.objections) == COLUMNS


@pytest.mark.parametrize(
    ("labels", "lines", "said"),
    [
        ({}, [], "lacks: Trả lời .chọn., Người trả lời"),
        ({**CONFIRM, "Người trả lời": " "}, [], "lacks: Người trả lời"),
        (CONFIRM, [("(3)", None, "sai")], "contests 1 figures: one of both is wrong"),
        (CONTEST, [], "but not what or why"),
        (CONTEST, [("(10)", None, None)], "contested, but not said why"),
        (CONTEST, [("(14)", None, "sai")], "no column of the form"),
        (CONTEST, [("tổng", None, "sai")], "no column of the form"),
        ({**CONFIRM, "Trả lời (chọn)": "chắc là đúng"}, [], "neither Xác nhận nor Không nhất trí"),
    ],
)
def test_answers_that_cannot_be_used(
    figures: ReportFigures, labels: dict[str, str], lines: list[tuple[Any, Any, Any]], said: str
) -> None:
    with pytest.raises(OnestopError, match=said):
        answer_sheet.read(filled(sheet(figures), labels, lines))


def statement(number: int, unit: str, kind: Any, shown: str = "a", **more: Any) -> Statement:
    facts: dict[str, Any] = {
        "answers": None, "column_name": None, "dossier_codes": [], "words": None, "deadline": None, "by_whom": "x",
        "happened_at": UNTIL, "file_sha256": None,
    }  # fmt: skip
    return Statement(number, unit, kind, shown, **{**facts, **more})


def test_where_a_unit_stands() -> None:
    asked = [statement(n, unit, "asked", deadline=UNTIL) for n, unit in enumerate("uvwxyz")]
    said = [
        statement(10, "v", "confirmed", file_sha256="1"),
        statement(11, "w", "confirmed", shown="older", file_sha256="2"),
        statement(12, "x", "contested", file_sha256="3"),
        statement(13, "x", "contested", file_sha256="3"),
        statement(14, "x", "replied", answers=12),
        statement(15, "y", "contested", file_sha256="4"),
        statement(16, "y", "replied", answers=15),
        statement(17, "z", "contested", file_sha256="5"),
        statement(18, "z", "confirmed", file_sha256="6"),  # it took its objection back
    ]
    now = dict.fromkeys("uvwxyz", "a")
    assert standing([*asked, *said], now, UNTIL) == {
        "u": "waiting", "v": "confirmed", "w": "changed", "x": "contested", "y": "answered", "z": "confirmed",
    }  # fmt: skip
    assert standing(asked[:1], now, UNTIL + timedelta(seconds=1)) == {"u": "silent"}
    longer = statement(20, "u", "asked", deadline=UNTIL + timedelta(days=2))
    assert standing([*asked[:1], longer], now, UNTIL + timedelta(days=1)) == {"u": "waiting"}
