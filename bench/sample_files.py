"""Portal files of any size out of the dossiers of a loaded place: the same good rows again under other codes."""

from __future__ import annotations

from contextlib import closing
from datetime import date, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import psycopg

from bench.place import Place
from onestop.sandbox.portal_files import dossier_row, file_name

FIRST, LAST = date(2024, 6, 15), date(2024, 9, 14)
FIELDS = {
    "MaTTHC": "ma_tthc", "TenTTHC": "ten_tthc", "DonViXuLy": "don_vi_xu_ly", "KenhThucHien": "kenh_thuc_hien",
    "NgayNopHoSo": "ngay_nop_ho_so", "NgayTiepNhan": "ngay_tiep_nhan", "NgayHenTra": "ngay_hen_tra",
    "NgayKetThucXuLy": "ngay_ket_thuc_xu_ly", "NgayTra": "ngay_tra", "TrangThaiHoSo": "trang_thai_ho_so",
    "MucDo": "muc_do", "NgayCapNhat": "ngay_cap_nhat",
}  # fmt: skip


def rows(here: Place, count: int) -> list[dict[str, Any]]:
    """So many rows of a HoSo file, no code twice."""
    with closing(psycopg.connect(here.postgres.warehouse_dsn)) as connection:
        query = (
            f"select {', '.join(FIELDS.values())} from raw.one_stop_dossier where trang_thai_ho_so in ('9', '10')"
            " and warning_ids is null limit 5000"
        )
        found = [dict(zip(FIELDS, row, strict=True)) for row in connection.execute(query.encode())]
    return [
        dossier_row({**record, "MaHoSo": _code(record, number)}, number)
        for number, record in enumerate(islice(cycle(found), count), 1)
    ]


def _code(record: dict[str, Any], number: int) -> str:
    return f"{record['DonViXuLy']}-{record['NgayTiepNhan'][2:8]}-{number % 1_000_000:06d}"


def delivered(here: Place, suffix: str, of_its_own: int = 0) -> Path:
    """Where an export lies that the place's portal source finds; province.yml gets that source.

    Args:
        of_its_own: another number, another file: it replaces none.
    """
    folder = here.settings.root / "exports"
    folder.mkdir(exist_ok=True)
    text = here.settings.file.read_text()
    if "portal_export" not in text:
        here.settings.file.write_text(f"{text}  - {{id: portal, kind: portal_export, path: exports}}\n")
    return folder / file_name("HoSo", "H15", FIRST - timedelta(of_its_own // 1000 % 1000), LAST, suffix=suffix)
