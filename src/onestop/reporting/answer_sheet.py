"""The sheet on which a unit answers a draft: confirmed or not, by whom, and per figure what is wrong. Written here, and
the rows of a returned one are read here; opening the file is the caller's.

Cells are found by their labels, not their places: a line more does no harm. Only the cells to fill in can be written.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.reporting import numbers_vi
from onestop.reporting.consequence import FIRST_COLUMN
from onestop.reporting.model import COLUMNS
from onestop.reporting.wording import period_title
from onestop.reporting.workbook import Form

SHEET = "Trả lời"
CONFIRMED, CONTESTED = "Xác nhận", "Không nhất trí"
_UNIT, _PERIOD, _SHOWN = "Mã đơn vị", "Kỳ báo cáo", "Mã số liệu"
_ANSWER, _WHO, _WORDS = "Trả lời (chọn)", "Người trả lời", "Ý kiến chung"
_HEAD = ("Cột của biểu", "Mã hồ sơ (cách nhau bằng dấu phẩy)", "Ý kiến, lý do")
_LINES = 40
_COLUMNS_VI = (
    *("Tiếp nhận: tổng số", "Tiếp nhận: trực tuyến", "Tiếp nhận: trực tiếp, bưu chính", "Tiếp nhận: từ kỳ trước"),
    *("Đã giải quyết: tổng số", "Đã giải quyết: trước hạn", "Đã giải quyết: đúng hạn", "Đã giải quyết: quá hạn"),
    *("Đang giải quyết: tổng số", "Đang giải quyết: trong hạn", "Đang giải quyết: quá hạn"),
)
_MOST = 2000  # characters of a text


@dataclass(frozen=True, slots=True)
class Question:
    """What a unit is asked. shown: the hash of the figures that it is shown."""

    period: Period
    agency_code: str
    agency_name: str
    shown: str
    answer_by: datetime


@dataclass(frozen=True, slots=True)
class Objection:
    """A contested figure: its column of the form (None: none in particular), dossiers, and what the unit says."""

    column_name: str | None
    dossier_codes: tuple[str, ...]
    words: str


@dataclass(frozen=True, slots=True)
class Answer:
    """A filled-in sheet. objections: empty where the unit confirms."""

    period: str
    agency_code: str
    shown: str
    by_whom: str
    words: str
    objections: tuple[Objection, ...]


def write(form: Form, asked: Question) -> None:
    """Add the sheet to a unit's workbook."""
    book, f = form.book, form.formats
    sheet = book.add_worksheet(SHEET)
    free = book.add_format({"border": 1, "text_wrap": True, "locked": False, "bg_color": "#FFF9DB", "valign": "top"})
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 2, 56)
    sheet.write_string(0, 0, f"TRẢ LỜI CỦA ĐƠN VỊ VỀ DỰ THẢO SỐ LIỆU {period_title(asked.period).upper()}", f.bold)
    sheet.write_string(
        1, 0, f"Điền các ô màu vàng, lưu tệp và gửi lại trước {numbers_vi.moment(asked.answer_by)}.", f.italic
    )
    facts = (
        *(("Đơn vị", asked.agency_name), (_UNIT, asked.agency_code), (_PERIOD, str(asked.period))),
        (_SHOWN, asked.shown),
    )
    row = 2
    for label, value in facts:
        sheet.write_string(row, 0, label, f.plain)
        sheet.write_string(row, 1, value, f.plain)
        row += 1
    row += 1
    for label in (_ANSWER, _WHO, _WORDS):
        sheet.write_string(row, 0, label, f.bold)
        sheet.write_blank(row, 1, None, free)
        if label == _ANSWER:
            sheet.data_validation(row, 1, row, 1, {"validate": "list", "source": [CONFIRMED, CONTESTED]})
        row += 1
    row += 1
    for column, title in enumerate(_HEAD):
        sheet.write_string(row, column, title, f.head)
    for number, name in enumerate(_COLUMNS_VI, FIRST_COLUMN):  # a list in the rule itself may not be that long
        sheet.write_string(number - FIRST_COLUMN, 7, f"({number}) {name}", f.plain)
    sheet.set_column(7, 7, None, None, {"hidden": True})
    chosen = {"validate": "list", "source": f"=$H$1:$H${len(_COLUMNS_VI)}", "error_type": "warning"}
    sheet.data_validation(row + 1, 0, row + _LINES, 0, chosen)
    for line in range(row + 1, row + _LINES + 1):
        for column in range(len(_HEAD)):
            sheet.write_blank(line, column, None, free)
    sheet.protect("", {"format_columns": True, "format_rows": True})


def read(rows: Iterable[Sequence[Any]]) -> Answer:
    """What a unit filled in.

    Raises:
        OnestopError: something is missing or contradicts itself; the text says what, by its label or line.
    """
    said: dict[str, str] = {}
    objections: list[Objection] = []
    in_table = False
    for number, row in enumerate(rows, 1):
        first, second, third = (_text(row[i]) if i < len(row) else "" for i in range(3))
        if first == _HEAD[0]:
            in_table = True
        elif not in_table and first in (_UNIT, _PERIOD, _SHOWN, _ANSWER, _WHO, _WORDS):
            said[first] = second
        elif in_table and (first or second or third):
            objections.append(_objection(number, first, second, third))
    if missing := [label for label in (_UNIT, _PERIOD, _SHOWN, _ANSWER, _WHO) if not said.get(label)]:
        raise OnestopError(f"the sheet {SHEET} lacks: {', '.join(missing)}")
    chosen, general = said[_ANSWER].casefold(), said.get(_WORDS, "")
    if chosen == CONFIRMED.casefold():
        if objections:
            raise OnestopError(f"it says {CONFIRMED} and contests {len(objections)} figures: one of both is wrong")
    elif chosen == CONTESTED.casefold():
        objections += [Objection(None, (), general)] if general and not objections else []
        if not objections:
            raise OnestopError(f"it says {CONTESTED}, but not what or why")
    else:
        raise OnestopError(f"{_ANSWER}: {said[_ANSWER]!r} is neither {CONFIRMED} nor {CONTESTED}")
    return Answer(said[_PERIOD], said[_UNIT], said[_SHOWN], said[_WHO], general, tuple(objections))


def _objection(line: int, column: str, dossiers: str, words: str) -> Objection:
    name = None
    if column:
        found = re.match(r"\(?(\d+)\)?(\D|$)", column)
        index = int(found[1]) - FIRST_COLUMN if found else -1
        if not 0 <= index < len(COLUMNS):
            raise OnestopError(f"line {line}: {column!r} is no column of the form; they are ({FIRST_COLUMN}) to (13)")
        name = COLUMNS[index]
    codes = tuple(dict.fromkeys(code for code in re.split(r"[,;\s]+", dossiers) if code))
    if not words and not codes:
        raise OnestopError(f"line {line}: a figure is contested, but not said why")
    return Objection(name, codes, words or "Hồ sơ kèm theo")


def _text(value: Any) -> str:
    """A cell as one text; whole numbers without their point."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return unicodedata.normalize("NFC", str(value if value is not None else "")).strip()[:_MOST]
