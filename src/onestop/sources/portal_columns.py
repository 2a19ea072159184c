"""What the columns of the portal's exports are called and hold: contracts/portal_export.md, as data.

The reader's child process imports this, so it stands on the standard library alone. The specifications
(specs/portal_*.yml) list the same fields; a test compares them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from onestop.sources import service_levels

Kind = Literal["code", "text", "date", "amount", "label"]
DOSSIER_CODE_HEADING = "Mã hồ sơ"


def folded(text: str) -> str:
    """Headings and labels as they are compared: NFC, case folded, blanks collapsed, without a trailing "(*)"."""
    return " ".join(unicodedata.normalize("NFC", text).casefold().split()).removesuffix("(*)").rstrip()


@dataclass(frozen=True)
class Column:
    """One column: its heading (and others it is known under), the record's field, what its cells hold.

    labels: folded label -> code, where kind is label.
    """

    heading: str
    field: str
    kind: Kind
    required: bool = True
    also: tuple[str, ...] = ()
    labels: Mapping[str, str] | None = None


def _codes(*labels: str, first: int = 1) -> dict[str, str]:
    return {folded(label): str(code) for code, label in enumerate(labels, first)}


def _same(*labels: str) -> dict[str, str]:
    return {folded(label): label for label in labels}


_STATUS = _codes(
    "Mới đăng ký",
    "Được tiếp nhận",
    "Không được tiếp nhận",
    "Đang xử lý",
    "Yêu cầu bổ sung giấy tờ",
    "Yêu cầu thực hiện nghĩa vụ tài chính",
    "Công dân yêu cầu rút hồ sơ",
    "Dừng xử lý",
    "Đã xử lý xong",
    "Đã trả kết quả",
)
_CHANNEL = _codes("Trực tiếp", "Trực tuyến", "Bưu chính công ích")
_LEVEL = _codes(*service_levels.LABELS, first=service_levels.FIRST)
_CODE = Column(DOSSIER_CODE_HEADING, "MaHoSo", "code")
_STT = "STT"


@dataclass(frozen=True)
class Layout:
    """The columns of one entity's files. key: the field that names a record; version rows carry NgayCapNhat beside."""

    entity: str
    word: str
    key: str
    columns: tuple[Column, ...]


DOSSIER = Layout(
    "dossier",
    "HoSo",
    "MaHoSo",
    (
        Column(_STT, _STT, "text"),
        _CODE,
        Column("Mã hồ sơ khác", "MaHoSoKhac", "code", required=False),
        Column("Mã TTHC", "MaTTHC", "code"),
        Column("Tên TTHC", "TenTTHC", "text", required=False),
        Column("Mã cơ quan xử lý", "DonViXuLy", "code"),
        Column("Kênh nộp", "KenhThucHien", "label", labels=_CHANNEL),
        Column("Ngày nộp", "NgayNopHoSo", "date", required=False),
        Column("Ngày tiếp nhận", "NgayTiepNhan", "date"),
        Column("Ngày hẹn trả", "NgayHenTra", "date", required=False),
        Column("Ngày kết thúc xử lý", "NgayKetThucXuLy", "date", required=False, also=("Ngày kết thúc",)),
        Column("Ngày trả kết quả", "NgayTra", "date", required=False),
        Column("Trạng thái", "TrangThaiHoSo", "label", labels=_STATUS),
        Column("Mức độ DVC", "MucDo", "label", required=False, labels=_LEVEL),
        Column("Ngày đồng bộ", "NgayDongBo", "date", required=False),
    ),
)
PAYMENT = Layout(
    "payment",
    "ThanhToan",
    "MaGiaoDich",
    (
        Column(_STT, _STT, "text", required=False),
        Column("Mã giao dịch", "MaGiaoDich", "code"),
        _CODE,
        Column("Số tiền", "SoTien", "amount", also=("Số tiền (VND)", "Số tiền (VNĐ)")),
        Column("Hình thức", "HinhThuc", "label", labels=_same("Trực tuyến", "Tiền mặt", "Chuyển khoản")),
        Column("Trạng thái", "TrangThai", "label", labels=_same("Thành công", "Thất bại", "Hoàn tiền")),
        Column("Ngày thanh toán", "NgayThanhToan", "date"),
    ),
)
RATING = Layout(
    "rating",
    "DanhGia",
    "MaPhieu",
    (
        Column(_STT, _STT, "text", required=False),
        Column("Mã phiếu", "MaPhieu", "code"),
        _CODE,
        Column("Điểm", "Diem", "text"),
        Column("Ngày đánh giá", "NgayDanhGia", "date"),
        Column("Nội dung", "NoiDung", "text", required=False),
    ),
)
LAYOUTS: Mapping[str, Layout] = {layout.entity: layout for layout in (DOSSIER, PAYMENT, RATING)}
