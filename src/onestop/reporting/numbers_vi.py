"""Numbers, dates and alphabetical order as Vietnam writes them. Pure.

224.187 and 99,46 % (a no-break space before the sign), 14/09/2024, Quý III.
"""

from __future__ import annotations

import unicodedata
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

NO_BREAK_SPACE = "\u00a0"
_ROMAN = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX", "X", "XI", "XII")
_LETTERS = "aăâbcdđeêfghijklmnoôơpqrstuưvwxyz"
_TONES = "\u0300\u0309\u0303\u0301\u0323"  # huyền, hỏi, ngã, sắc, nặng: the dictionary's order
_SWAP = str.maketrans(",.", ".,")


def integer(value: int) -> str:
    """224187 -> 224.187"""
    return f"{value:,}".translate(_SWAP)


def decimal(value: float | Decimal, places: int = 1) -> str:
    """1234.56 -> 1.234,6 (half is rounded up)."""
    return f"{_rounded(Decimal(str(value)), places):,}".translate(_SWAP)


def share(numerator: int | Decimal, denominator: int | Decimal, places: int = 2) -> Decimal:
    """A percentage, rounded half up, that says 100 only when nothing is missing and 0 only when nothing is there.

    Raises:
        ZeroDivisionError: the denominator is 0; a rate of nothing is not 0.
    """
    if not denominator:
        raise ZeroDivisionError("a rate of nothing")
    exact = Decimal(numerator) * 100 / Decimal(denominator)
    rounded = _rounded(exact, places)
    smallest = Decimal(1).scaleb(-places)
    if exact < 100 <= rounded:
        return Decimal(100) - smallest
    return smallest if rounded == 0 < exact else rounded


def percent(numerator: int | Decimal, denominator: int | Decimal, places: int = 2) -> str:
    """222968 of 224187 -> 99,46 %; see `share` for the rounding, and for a denominator of 0."""
    return f"{share(numerator, denominator, places)}".replace(".", ",") + NO_BREAK_SPACE + "%"


def day(value: date) -> str:
    """dd/MM/yyyy"""
    return f"{value.day:02d}/{value.month:02d}/{value.year:04d}"


def moment(value: datetime) -> str:
    """HH:mm dd/MM/yyyy in the moment's own zone."""
    return f"{value.hour:02d}:{value.minute:02d} {day(value)}"


def roman(number: int) -> str:
    """1..12 as Roman numerals.

    Raises:
        ValueError: any other number.
    """
    if not 1 <= number < len(_ROMAN):
        raise ValueError(f"no Roman numeral for {number}")
    return _ROMAN[number]


def sort_key(text: str) -> tuple[tuple[int, ...], tuple[int, ...], str]:
    """The order of a Vietnamese dictionary: letters first (a ă â b … d đ …), tones decide between equals.

    Needed because a database's collation cannot be relied on.
    """
    letters: list[int] = []
    tones: list[int] = []
    for char in unicodedata.normalize("NFC", text.casefold()):
        base, tone = char, 0
        for mark in unicodedata.normalize("NFD", char):
            if mark in _TONES:
                tone = _TONES.index(mark) + 1
                base = unicodedata.normalize("NFC", unicodedata.normalize("NFD", char).replace(mark, ""))
        place = _LETTERS.find(base)
        letters.append(1000 + place if place >= 0 else min(ord(base[0]), 999))
        tones.append(tone)
    return tuple(letters), tuple(tones), text


def _rounded(value: Decimal, places: int) -> Decimal:
    return value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP)
