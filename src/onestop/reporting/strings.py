"""The words of the web page (`words/vi.yml`, `words/en.yml`), and how each language writes numbers and dates.

The official form itself exists in Vietnamese only; its words stand in `workbook`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import yaml

from onestop.reporting import numbers_vi
from onestop.reporting.numbers_vi import NO_BREAK_SPACE
from onestop.reporting.wording import MONTHS_EN, Language


@dataclass(frozen=True, slots=True)
class Words:
    """One language: its strings, and how it writes numbers and dates."""

    language: Language

    def __call__(self, key: str, **values: object) -> str:
        """The string of that key with its {places} filled."""
        return _table(self.language)[key].format(nbsp=NO_BREAK_SPACE, **values)

    def integer(self, value: int) -> str:
        """224.187, or 224,187 in English."""
        return numbers_vi.integer(value) if self.language == "vi" else f"{value:,}"

    def decimal(self, value: float | Decimal, places: int = 1) -> str:
        """4,7, or 4.7 in English; no places for a whole number."""
        places = 0 if float(value).is_integer() else places
        text = numbers_vi.decimal(value, places)
        return text if self.language == "vi" else text.translate(str.maketrans(",.", ".,"))

    def percent(self, numerator: int | Decimal, denominator: int | Decimal, places: int = 2) -> str:
        """99,46 %, or 99.46% in English; the words for "none" when the denominator is 0."""
        if not denominator:
            return self("no_rate")
        text = numbers_vi.percent(numerator, denominator, places)
        return text if self.language == "vi" else text.replace(",", ".").replace(NO_BREAK_SPACE, "")

    def day(self, value: date) -> str:
        """14/09/2024, or 14 September 2024 in English."""
        if self.language == "vi":
            return numbers_vi.day(value)
        return f"{value.day} {MONTHS_EN[value.month - 1]} {value.year}"

    def moment(self, value: datetime) -> str:
        """Time and date in the moment's own zone."""
        return f"{value.hour:02d}:{value.minute:02d}{', ' if self.language == 'en' else ' '}{self.day(value)}"


@cache
def _table(language: Language) -> dict[str, str]:
    table: dict[str, str] = yaml.safe_load((_WORDS / f"{language}.yml").read_text(encoding="utf-8"))
    return table


_WORDS = Path(__file__).parent / "words"
