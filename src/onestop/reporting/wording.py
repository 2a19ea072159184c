"""What periods and offices are called on official papers, and which periods a period is compared with. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

from onestop.periods import Period, containing
from onestop.reporting import numbers_vi
from onestop.reporting.model import ReportFigures
from onestop.reporting.numbers_vi import roman

Language = Literal["vi", "en"]

MONTHS_EN = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
# Units of provincial rank that are addressed as cities; Huế since 01/01/2025.
CENTRAL_CITIES = frozenset({"Hà Nội", "Hải Phòng", "Huế", "Đà Nẵng", "Hồ Chí Minh", "Cần Thơ"})


def period_title(period: Period, language: Language = "vi") -> str:
    """Quý III/2024, Tháng 7/2024, 6 tháng đầu năm 2024, 9 tháng năm 2024, Năm 2024; or the same in English."""
    year, number = period.year, int(period.name[-1]) if period.kind in ("quarter", "half") else 0
    vi = language == "vi"
    match period.kind:
        case "month":
            return f"Tháng {period.start_month}/{year}" if vi else f"{MONTHS_EN[period.start_month - 1]} {year}"
        case "quarter":
            return f"Quý {roman(number)}/{year}" if vi else f"Quarter {number} of {year}"
        case "half":
            half = ("đầu", "cuối")[number - 1] if vi else ("First", "Second")[number - 1]
            return f"6 tháng {half} năm {year}" if vi else f"{half} half of {year}"
        case "nine_months":
            return f"9 tháng năm {year}" if vi else f"Nine months of {year}"
        case "year":
            return f"Năm {year}" if vi else f"{year}"


def province_title(name: str, language: Language = "vi") -> str:
    """tỉnh Đắk Lắk, thành phố Huế, also where the name already says which; Đắk Lắk province, Huế city in English."""
    kind = "thành phố" if name in CENTRAL_CITIES else "tỉnh"
    for said in ("tỉnh", "thành phố"):
        if name.casefold().startswith(f"{said} "):
            kind, name = said, name[len(said) + 1 :]
    return f"{kind} {name}" if language == "vi" else f"{name} {'province' if kind == 'tỉnh' else 'city'}"


def previous(period: Period) -> Period | None:
    """The period of the same kind just before; None for nine months, which follow on nothing."""
    if period.kind == "nine_months":
        return None
    return containing(period.first - timedelta(days=1), period.kind, period.convention)


def year_before(period: Period) -> Period:
    """The same period of the year before."""
    return replace(period, year=period.year - 1)


def standing(figures: ReportFigures) -> str:
    """What the papers are: Bản dự thảo, or Bản công bố lần 2."""
    return f"Bản công bố lần {figures.edition.version}" if figures.edition else "Bản dự thảo"


def edition_notes(figures: ReportFigures) -> list[str]:
    """What the official form says under its table of the edition that it is of; nothing under a draft."""
    mark = figures.edition
    if mark is None:
        return []
    approved = f"- Người phê duyệt: {mark.approved_by}, {numbers_vi.moment(mark.approved_at)}."
    reason = [f"- Thay thế bản công bố trước. Lý do: {mark.reason}"] if mark.reason else []
    gaps = [f"- Số liệu chưa đầy đủ. {gap.text_vi}" for gap in figures.gaps]
    return [*gaps, approved, *reason, f"- Mã kiểm tra của bản công bố (SHA-256): {mark.sha256}"]


def former_notes(figures: ReportFigures) -> list[str]:
    """What the province's form says of the quarter published before it: column 6 beside its column 11, and what is as printed."""
    notes = []
    if figures.previous_published:
        before = figures.previous_published
        now, then = figures.province.received_carried_over, before.counts.in_progress_total
        said = (
            f"- Cột (6) là {numbers_vi.integer(now)}; cột (11) đã công bố của {period_title(before.period)} là"
            f" {numbers_vi.integer(then)}"
        )
        if now == then:
            notes.append(f"{said}: khớp.")
        else:
            more = "nhiều hơn" if now > then else "ít hơn"
            notes.append(f"{said}: {more} {numbers_vi.integer(abs(now - then))} hồ sơ.")
    printed = [
        period_title(other.period) for other in (figures.previous, figures.year_before) if other and other.is_printed
    ]
    if printed:
        notes.append(f"- Số liệu so sánh của {', '.join(printed)} là số đã công bố.")
    return notes


def expected_notes(figures: ReportFigures) -> list[str]:
    """What a running period's numbers are likely to become, and how often such an interval held."""
    names = {"received_new": "hồ sơ tiếp nhận mới", "resolved_total": "hồ sơ đã giải quyết"}
    return [
        f"- Ước tính đến nay: {names[one.measure]} {numbers_vi.integer(one.estimate)} (khoảng"
        f" {numbers_vi.integer(one.lowest)}–{numbers_vi.integer(one.highest)}), đã về {numbers_vi.integer(one.known)};"
        f" khoảng này đúng {numbers_vi.decimal(one.coverage * 100, 0)}{numbers_vi.NO_BREAK_SPACE}% trong {one.trials} lần thử"
        " lại với số liệu cũ."
        for one in figures.expected
    ]
