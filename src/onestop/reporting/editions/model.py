"""What an edition is: its facts as values, its reasons in words, and the rules of its life that need no database."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from onestop.errors import ConfigurationError
from onestop.periods import Period, parse

Status = Literal["draft", "approved", "published", "superseded"]
Reason = Literal[
    "late_arrival", "correction", "quarantine_release", "reorganisation", "rule_change", "reference_change", "other"
]
REASONS: tuple[Reason, ...] = get_args(Reason)
REASONS_VI: dict[str, str] = {
    "late_arrival": "Dữ liệu đến muộn",
    "correction": "Đính chính dữ liệu",
    "quarantine_release": "Dữ liệu chờ sửa đã được chấp nhận",
    "reorganisation": "Sắp xếp lại đơn vị",
    "rule_change": "Thay đổi quy tắc tính",
    "reference_change": "Thay đổi danh mục dùng chung",
    "other": "Lý do khác",
}


State = Literal["ok", "note", "open"]


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of the readiness page. ok: met. note: met, and there is something to know. open: not met."""

    code: str
    state: State
    text_vi: str
    text_en: str
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Edition:
    """One row of published.edition."""

    edition_id: int
    period_convention: str
    period: str
    version: int
    status: Status
    known_at: datetime
    is_preliminary: bool
    drafted_at: datetime
    drafted_by: str
    approved_at: datetime | None
    approved_by: str | None
    published_at: datetime | None
    published_by: str | None
    superseded_at: datetime | None
    reason_code: Reason | None
    reason: str | None
    code_version: str
    sha256: str | None
    previous_sha256: str | None
    manifest: str | None

    @property
    def name(self) -> str:
        """statutory:2024-Q3, edition 2."""
        return f"{self.period_convention}:{self.period}, edition {self.version}"

    @property
    def folder(self) -> str:
        """The folder of its products under the period's own."""
        return f"edition-{self.version}"

    @property
    def value(self) -> Period:
        """Its period."""
        return parse(f"{self.period_convention}:{self.period}")


def person(name: str) -> str:
    """A person's name as it is kept: NFC, single blanks.

    Raises:
        ConfigurationError: there is nothing in it.
    """
    text = " ".join(unicodedata.normalize("NFC", name).split())
    if not text:
        raise ConfigurationError("the name is empty", next_step="say who it is: --by 'Nguyễn Văn A'")
    return text


def same_person(one: str, other: str) -> bool:
    """Whether two names are one person's, whatever case they are written in."""
    return person(one).casefold() == person(other).casefold()


def reason_text(text: str, missing: str = "a restatement needs a reason") -> str:
    """A reason as it is kept; `missing` is said where there is none.

    Raises:
        ConfigurationError: there is nothing in it.
    """
    kept = unicodedata.normalize("NFC", text).strip()
    if not kept:
        raise ConfigurationError(missing, next_step="say why: --reason '...'")
    return kept


def reason_code(text: str) -> Reason:
    """One of the reasons.

    Raises:
        ConfigurationError: it is none.
    """
    for known in REASONS:
        if text.strip().replace("-", "_") == known:
            return known
    raise ConfigurationError(f"{text!r} is no reason code", next_step=f"choose one of: {', '.join(REASONS)}")
