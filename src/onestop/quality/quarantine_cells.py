"""What of a rejected row people may read: its code, and the cells that broke a rule, as delivered.

A field that holds personal data by its specification is sealed and never shown. A wrong cell of another field can
still hold something personal (a name typed into a code, a telephone number in a date, a row shifted by one cell), so a
value is shown only where it looks like what belongs there; else its shape is: letters as x, digits as 9.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from onestop.quality.rules import RowRule
from onestop.specs import EntitySpec, Item

MISSING = "(trống)"
HIDDEN = "(không hiển thị)"
LONGEST = 60  # characters of a cell that are shown
_LONGEST_LABEL, _MOST_WORDS = 30, 5
_PLAIN = re.compile(r"[A-Za-z0-9 ._/:,+()Đđ-]*", re.ASCII)
_LONG_NUMBER = re.compile(r"\d{9,}", re.ASCII)
_STAMP = re.compile(r"(19|20)\d{6,12}", re.ASCII)
_LABEL = re.compile(r"[^\W\d_]+(?: [^\W\d_]+)*")
_MOMENT = re.compile(r"\d{14}", re.ASCII)
_AMOUNT = re.compile(r"[0-9.,+-]{1,20}(?: ?(?:đ|đồng|VND|VNĐ))?", re.ASCII | re.IGNORECASE)
_AMOUNT_FIELDS = frozenset({"SoTien", "Gia"})
_LABEL_FIELDS = frozenset({"TrangThaiHoSo", "TrangThai", "KenhThucHien", "HinhThuc", "MucDo", "LoaiNoiDung"})

# Facts of the judge's table that are no column, and the fields that they are read off.
_DERIVED: Mapping[str, tuple[str, ...]] = {
    "agency_valid": ("DonViXuLy",),
    "agency_known": ("DonViXuLy",),
    "procedure_is_text": ("MaTTHC",),
    "procedure_known": ("MaTTHC",),
    "status_is_label": ("TrangThaiHoSo",),
    "channel_is_label": ("KenhThucHien",),
    "first_appointment": ("NgayHenTraBanDau", "NgayHenTra"),
    "amount_is_number": ("SoTien",),
    "rating_is_text": ("MucDoHaiLong",),
    "bad_amounts": ("DanhSachLePhi",),
}
_KEY_FACTS = frozenset({"content_is_single", "key_is_exact"})
_COLUMN_ARGUMENTS = ("column", "column_A", "column_B")


def fields_of(rule: RowRule, spec: EntitySpec) -> tuple[str, ...]:
    """The fields that a rule is about, in the specification's order; empty for one about the row as a whole."""
    by_column = {item.column: item.field for item in spec.fields if item.column}
    found: set[str] = set()
    for expectation in rule.expectations:
        for argument in _COLUMN_ARGUMENTS:
            column = str(expectation.arguments.get(argument, "")).removesuffix("__at").removesuffix("__day")
            if column in by_column:
                found.add(by_column[column])
            elif column == "unreadable_dates":
                found.update(item.field for item in spec.fields if item.kind == "date" or item.kind == "list")
            elif column in _KEY_FACTS:
                found.add(spec.key)
            else:
                found.update(_DERIVED.get(column, ()))
    return tuple(item.field for item in spec.fields if item.field in found and not item.personal)


def cells_of(rule: RowRule, spec: EntitySpec, payload: Mapping[str, Any]) -> dict[str, str]:
    """Field -> what was delivered in it, for the fields that a broken rule is about.

    Of a rule about all dates only those that cannot be read; dates inside lists as List[1].Date, counted from 1.
    """
    about_dates = any(e.arguments.get("column") == "unreadable_dates" for e in rule.expectations)
    shown: dict[str, str] = {}
    for name in fields_of(rule, spec):
        item = spec.by_field(name)
        if item.kind == "list":
            shown.update(_list_cells(item, payload.get(name)))
        elif not about_dates or _is_wrong(name, payload.get(name), spec):
            shown[name] = shown_cell(item, payload.get(name))
    if not shown:  # dates that would be readable elsewhere: 14 digits are none in an export
        dates = [item for item in spec.fields if item.kind == "date" and item.field in fields_of(rule, spec)]
        shown.update((item.field, shown_cell(item, value)) for item in dates if (value := payload.get(item.field)))
    return shown


def shown_cell(item: Item, value: Any) -> str:
    """One cell as people may read it."""
    if item.personal or isinstance(value, dict | list):
        return HIDDEN
    text = "" if value is None else str(value).strip()
    if not text:
        return MISSING
    if item.field in _LABEL_FIELDS and _LABEL.fullmatch(text):
        fits = len(text) <= _LONGEST_LABEL and len(text.split()) <= _MOST_WORDS
    elif item.field in _AMOUNT_FIELDS and _AMOUNT.fullmatch(text):
        fits = not _hides_a_number(text)
    else:
        blanks = text.count(" ") > (1 if item.kind == "date" else 0)
        fits = bool(_PLAIN.fullmatch(text)) and not blanks and not _hides_a_number(text)
    return text if fits and len(text) <= LONGEST else masked(text)


def shown_key(key: str | None) -> str:
    """A record's key as people may read it: a code, or the shape of what stands in its place."""
    if not key or not key.strip():
        return MISSING
    return shown_cell(Item(field="", kind="code"), key)


def masked(text: str) -> str:
    """The shape of a text: letters as x, digits as 9."""
    shape = "".join("9" if c.isdigit() else "x" if c.isalpha() else c if c in " .-/:@" else "?" for c in text[:LONGEST])
    return f"{shape}…" if len(text) > LONGEST else shape


def _hides_a_number(text: str) -> bool:
    """Whether it may be a number of a person: nine digits and more that begin like no date."""
    return any(not _STAMP.fullmatch(found) for found in _LONG_NUMBER.findall(text))


def _is_wrong(name: str, value: Any, spec: EntitySpec) -> bool:
    if value is None or value == "":
        return name == spec.version
    return not (isinstance(value, str) and _is_moment(value.strip()))


def _is_moment(text: str) -> bool:
    """Whether 14 digits are a real moment, as onestop.sources.text.readable sees it."""
    if not _MOMENT.fullmatch(text):
        return False
    year, month, day, hour, minute, second = (
        int(text[a:b]) for a, b in ((0, 4), *((n, n + 2) for n in range(4, 14, 2)))
    )
    try:
        datetime(year, month, day, hour, minute, second)  # noqa: DTZ001  (only whether there is such a moment)
    except ValueError:
        return False
    return True


def _list_cells(item: Item, value: Any) -> Iterator[tuple[str, str]]:
    """The wrong parts of a list: dates that cannot be read, amounts that are no numbers."""
    if value in (None, "", []):
        return
    if not isinstance(value, list):
        yield item.field, HIDDEN
        return
    for number, element in enumerate(value, 1):
        if not isinstance(element, dict):
            yield f"{item.field}[{number}]", HIDDEN
            continue
        for part in item.items:
            delivered = element.get(part.field)
            wrong_date = part.kind == "date" and delivered not in (None, "") and not _is_moment(str(delivered).strip())
            if wrong_date or (part.kind == "number" and not _is_amount(delivered)):
                yield f"{item.field}[{number}].{part.field}", shown_cell(part, delivered)


def _is_amount(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, int | float) or bool(re.fullmatch(r"\d+(\.\d+)?", str(value).strip(), re.ASCII))
