"""Made-up applicants: plausible in form, nobody's in fact. E-mail addresses lie in a domain that cannot exist."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onestop.sandbox.days import Ints
from onestop.sandbox.units import plain


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SURNAMES = _words("Nguyễn Trần Lê Phạm Hoàng Huỳnh Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý Niê Êban Ayun Mlô Kbuôr Byă")
MIDDLE = _words("Văn Thị Hữu Đức Ngọc Minh Thanh Quốc Xuân Thu Hồng Kim Y H'")
GIVEN = _words(
    "An Anh Bình Châu Chi Cường Dung Dũng Duy Đạt Đông Giang Hà Hải Hạnh Hiền Hiếu Hoa Hòa Hùng Hương Khánh Lan"
    " Linh Loan Long Mai Nam Nga Ngân Nhung Oanh Phong Phúc Phương Quân Quang Sơn Tâm Thảo Thắng Thủy Tiến Trang Tuấn"
    " Vinh Yến"
)
TRADES = ("Cà phê", "Xây dựng", "Thương mại", "Nông sản", "Vận tải", "Dược phẩm", "Du lịch")
_ASCII = [plain(g).lower() for g in GIVEN]


@dataclass(frozen=True)
class People:
    """Draws for as many applicants as there are dossiers; text is made when a record is written."""

    surname: Ints
    middle: Ints
    given: Ints
    kind: Ints
    number: Ints
    house: Ints


def draw_people(count: int, draw: np.random.Generator) -> People:
    """Applicants: 88 % citizens, 9 % enterprises, 3 % state agencies and others."""
    return People(
        surname=draw.integers(0, len(SURNAMES), count),
        middle=draw.integers(0, len(MIDDLE), count),
        given=draw.integers(0, len(GIVEN), count),
        kind=draw.choice(np.array([1, 2, 3, 4]), count, p=[0.88, 0.09, 0.015, 0.015]),
        number=draw.integers(0, 10**9, count),
        house=draw.integers(1, 400, count),
    )


def person_fields(
    surname: int, middle: int, given: int, kind: int, number: int, house: int, gso: str, place: str, title: str
) -> dict[str, str | None]:
    """The personal fields of a dossier.

    Args:
        gso: the province's GSO code, with which its citizens' identity numbers begin.
        place: the commune of the address.
        title: the procedure's, for the summary.
    """
    name = f"{SURNAMES[surname]} {MIDDLE[middle]} {GIVEN[given]}"
    digits = f"{number:09d}"
    old_card = number % 25 == 0
    return {
        "LoaiDoiTuong": str(kind),
        "ChuHoSo": f"Công ty TNHH {TRADES[number % len(TRADES)]} {GIVEN[given]}" if kind == 2 else name,
        "LoaiDinhDanh": "2" if old_card else "1",
        "SoDinhDanh": digits if old_card else f"0{gso}{digits}",
        "SoDienThoai": f"09{digits[:8]}",
        "Email": f"{_ASCII[given]}{digits[3:]}@hopthu.invalid" if number % 3 == 0 else None,
        "DiaChi": f"Số {house}, {place}",
        "TrichYeuHoSo": f"{title} - {name}" if number % 4 == 0 else None,
    }
