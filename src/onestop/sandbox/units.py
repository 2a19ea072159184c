"""The administrative units of a sample province as they stood before 1 July 2025.

Names and GSO codes of districts and communes are the real ones, from the package `vietnamadminunits` (MIT). The
H-codes of districts and communes, and the numbering of departments, are the sandbox's own.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Literal

Level = Literal["province", "department", "district", "commune", "branch"]
FOUNDED = "2004-01-01"

DEPARTMENTS: tuple[tuple[str, str], ...] = (
    ("Văn phòng Ủy ban nhân dân tỉnh", "Office of the Provincial People's Committee"),
    ("Sở Kế hoạch và Đầu tư", "Department of Planning and Investment"),
    ("Sở Tài chính", "Department of Finance"),
    ("Sở Nội vụ", "Department of Home Affairs"),
    ("Sở Tư pháp", "Department of Justice"),
    ("Sở Công Thương", "Department of Industry and Trade"),
    ("Sở Nông nghiệp và Phát triển nông thôn", "Department of Agriculture and Rural Development"),
    ("Sở Tài nguyên và Môi trường", "Department of Natural Resources and Environment"),
    ("Sở Xây dựng", "Department of Construction"),
    ("Sở Giao thông vận tải", "Department of Transport"),
    ("Sở Lao động - Thương binh và Xã hội", "Department of Labour, War Invalids and Social Affairs"),
    ("Sở Y tế", "Department of Health"),
    ("Sở Giáo dục và Đào tạo", "Department of Education and Training"),
    ("Sở Khoa học và Công nghệ", "Department of Science and Technology"),
    ("Sở Thông tin và Truyền thông", "Department of Information and Communications"),
    ("Sở Văn hóa, Thể thao và Du lịch", "Department of Culture, Sports and Tourism"),
    ("Sở Ngoại vụ", "Department of Foreign Affairs"),
    ("Thanh tra tỉnh", "Provincial Inspectorate"),
    ("Ban Dân tộc", "Committee for Ethnic Affairs"),
    ("Ban Quản lý các khu công nghiệp tỉnh", "Management Board of Industrial Zones"),
)
LAND_DEPARTMENT = 8
FIRST_DISTRICT = 21
_ENGLISH = {
    "Thành phố": "City",
    "Thị xã": "Town",
    "Huyện": "District",
    "Phường": "Ward",
    "Thị trấn": "Township",
    "Xã": "Commune",
}


@dataclass(frozen=True)
class Unit:
    """One row of agencies.csv; dates are ISO days, valid_to '' while the unit stands."""

    code: str
    name_vi: str
    name_en: str
    level: Level
    parent: str
    gso: str = ""
    valid_from: str = FOUNDED
    valid_to: str = ""


def plain(text: str) -> str:
    """The text without its Vietnamese marks."""
    decomposed = unicodedata.normalize("NFD", text.replace("đ", "d").replace("Đ", "D"))
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def province_units(gso: str, code: str) -> list[Unit]:
    """Every unit of a province, parents before children.

    The province itself comes first. A retired branch is among the units: dossiers sent to it are a fault that the
    sandbox plants.

    Args:
        gso: the province's GSO code before July 2025: 66 Đắk Lắk, 67 Đắk Nông.
        code: the H-code that its units get.

    Raises:
        ValueError: there is no such province.
    """
    rows = _legacy_rows(gso)
    if not rows:
        raise ValueError(f"no province had the GSO code {gso!r} before July 2025")
    short = _name(rows[0][1])
    units = [Unit(code, f"Tỉnh {short}", f"{plain(short)} Province", "province", "", gso)]
    for number, (name_vi, name_en) in enumerate(DEPARTMENTS, 1):
        units.append(Unit(f"{code}.{number:02d}", name_vi, name_en, "department", code))
    centre = f"Trung tâm Phục vụ hành chính công tỉnh {short}", "Public Administration Service Centre"
    units.append(Unit(f"{code}.01.01", *centre, "branch", f"{code}.01"))
    districts: dict[str, str] = {}
    communes: dict[str, int] = {}
    land = f"{code}.{LAND_DEPARTMENT:02d}"
    for _, _, district, district_gso, ward, ward_gso in rows:
        if district_gso not in districts:
            parent = districts[district_gso] = f"{code}.{FIRST_DISTRICT + len(districts)}"
            name = _name(district)
            units.append(Unit(parent, name, _english(name), "district", code, district_gso))
            branch = f"Chi nhánh Văn phòng Đăng ký đất đai {name[0].lower()}{name[1:]}"
            english = f"Land Registration Office Branch, {_english(name)}"
            units.append(Unit(f"{land}.{len(districts):02d}", branch, english, "branch", land))
        parent = districts[district_gso]
        communes[parent] = communes.get(parent, 0) + 1
        name = _name(ward)
        units.append(Unit(f"{parent}.{communes[parent]:02d}", name, _english(name), "commune", parent, ward_gso))
    retired = "Văn phòng Đăng ký quyền sử dụng đất (cũ)", "Land Use Right Registration Office (former)"
    units.append(Unit(f"{land}.90", *retired, "branch", land, valid_to="2016-06-30"))
    units.append(Unit(f"{code}.90", f"Kho bạc Nhà nước {short}", f"State Treasury, {plain(short)}", "department", code))
    return units


def _legacy_rows(gso: str) -> list[tuple[str, str, str, str, str, str]]:
    query = (
        "SELECT province, provinceShort, district, districtCode, ward, wardCode FROM admin_units_legacy"
        " WHERE provinceCode = ? AND wardCode IS NOT NULL ORDER BY districtCode, wardCode"
    )
    with (
        as_file(files("vietnamadminunits") / "data" / "dataset.db") as path,
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database,
    ):
        return database.execute(query, (gso,)).fetchall()


def _name(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("Thị Xã", "Thị xã").replace("Thị Trấn", "Thị trấn")


def _english(name: str) -> str:
    for kind, english in _ENGLISH.items():
        if name.startswith(kind + " "):
            return f"{plain(name[len(kind) + 1 :])} {english}"
    return plain(name)
