"""What the judge must know of the reference data: which unit was valid when, which procedures exist."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

_OPEN_START, _OPEN_END = "00000000", "99999999"


@dataclass
class ReferenceIndex:
    """Units with their spans of validity (days as yyyymmdd, both inclusive), and procedure codes (first two parts)."""

    agencies: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    procedures: set[str] = field(default_factory=set)

    @classmethod
    def build(cls, agencies: Iterable[tuple[str, str | None, str | None]], procedures: Iterable[str]) -> ReferenceIndex:
        """From rows (code, valid_from, valid_to as yyyy-mm-dd, empty = open) and procedure codes."""
        index = cls()
        for code, valid_from, valid_to in agencies:
            span = ((valid_from or "").replace("-", "") or _OPEN_START, (valid_to or "").replace("-", "") or _OPEN_END)
            index.agencies.setdefault(code, []).append(span)
        index.procedures = {two_parts(code) for code in procedures}
        return index

    def agency_valid(self, code: str | None, first_day: str | None, last_day: str | None) -> bool:
        """Whether the unit was valid on at least one day between the two (rule OS-011).

        Where one of the days is missing there is no span to compare with: the unit need only be known.
        """
        spans = self.agencies.get(code or "")
        if not spans:
            return False
        if first_day is None or last_day is None:
            return True
        return any(start <= last_day and end >= first_day for start, end in spans)


def two_parts(procedure_code: str) -> str:
    """What identifies a procedure: `1.012790.000.00.00.H15` is `1.012790`."""
    return ".".join(procedure_code.split(".")[:2])
