"""The words around what is sent: the e-mail's subject and text, in Vietnamese. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from onestop.reporting import numbers_vi
from onestop.reporting.literal import one_line
from onestop.reporting.model import ReportFigures
from onestop.reporting.wording import period_title, province_title, standing

_CLOSING = "Thư này do phần mềm tổng hợp báo cáo gửi tự động."


def office(figures: ReportFigures) -> str:
    """Who sends."""
    return one_line(f"Văn phòng UBND {province_title(figures.province_name)}")


def subject(figures: ReportFigures, whose: str) -> str:
    """Số liệu giải quyết thủ tục hành chính Quý III/2024, Sở Tư pháp (bản công bố lần 1)."""
    what = standing(figures)
    return one_line(
        f"Số liệu giải quyết thủ tục hành chính {period_title(figures.period)}, {whose} ({what[0].lower()}{what[1:]})"
    )


def text(figures: ReportFigures, whose: str, hashes: Mapping[str, str], answer_by: datetime | None = None) -> str:
    """The letter. answer_by: of a draft, until when the unit may answer."""
    period = figures.period
    first, last = numbers_vi.day(period.first), numbers_vi.day(period.last)
    what = f"số liệu giải quyết thủ tục hành chính {period_title(period)} (từ ngày {first} đến ngày {last})"
    lines = [f"Kính gửi: {whose}", ""]
    mark = figures.edition
    if mark is None:
        lines += [
            f"{office(figures)} gửi dự thảo {what} để Quý đơn vị kiểm tra trước khi phê duyệt.",
            "Số liệu này chưa được phê duyệt và có thể thay đổi.",
        ]
        if answer_by is not None:
            lines += [
                "",
                "Đề nghị Quý đơn vị điền trang “Trả lời” trong tệp gửi kèm và gửi lại trước"
                f" {numbers_vi.moment(answer_by)}.",
                "Đơn vị không trả lời trong thời hạn này được ghi là chưa có ý kiến.",
            ]
    else:
        lines += [
            f"{office(figures)} gửi {what}, bản công bố lần {mark.version},"
            f" do {mark.approved_by} phê duyệt {numbers_vi.moment(mark.approved_at)}.",
            *([f"Bản này thay thế bản công bố trước. Lý do: {mark.reason}"] if mark.reason else []),
            f"Mã kiểm tra của bản công bố (SHA-256): {mark.sha256}",
        ]
    if figures.gaps:
        lines += ["", "Số liệu chưa đầy đủ:", *(f"- {gap.text_vi}" for gap in figures.gaps)]
    lines += ["", "Tệp gửi kèm và mã kiểm tra SHA-256 của từng tệp:"]
    lines += [f"- {name}: {sha256}" for name, sha256 in hashes.items()]
    return "\n".join([*lines, "", _CLOSING, ""])
