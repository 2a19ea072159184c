"""Every fault of the portal's files through the whole way in, in one folder: the ledger's figures and the rows of each.

What a reader makes of a file is told in tests/unit/sources; here each file must add up, and no file may hold up the others.
"""

from __future__ import annotations

import io
import itertools
import time
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from onestop import config
from onestop.errors import DataRefused
from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.portal_files import Dirt, dossier_row, file_name, write_csv, write_manifest, write_xlsx
from worlds import AS_OF, World, dossier, judges_made_once, make_world

pytestmark = pytest.mark.integration
LAST = date(2024, 8, 31)
GOOD, BAD, REFUSED, AGAIN = "accepted", "quarantined", "refused", "duplicate"
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(1000)
Rows = list[dict[str, Any]]
Case = Callable[["Folder"], dict[str, int]]


class Folder:
    """The exports of one province; every file gets a first day and dossier codes of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.day = date(2023, 1, 1)
        self.number = 0

    def file(self, suffix: str = "xlsx", entity: str = "HoSo") -> Path:
        self.day += timedelta(days=1)
        return self.path / file_name(entity, "H15", self.day, LAST, suffix=suffix)

    def rows(self, count: int = 2, **changes: Any) -> Rows:
        """Good rows; `changes` are of the last one."""
        self.number += count
        made = [dossier_row(dossier(self.number - n), n + 1) for n in range(count)]
        made[-1] |= changes
        return made

    def xlsx(self, rows: Rows, dirt: Dirt | None = None) -> Path:
        return write_xlsx(self.file(), "HoSo", rows, dirt or Dirt())

    def csv(self, rows: Rows, **how: Any) -> Path:
        return write_csv(self.file("csv"), "HoSo", rows, Dirt(), **how)


def encoded(encoding: str, separator: str, newline: str) -> Case:
    def make(folder: Folder) -> dict[str, int]:
        folder.csv(folder.rows(), encoding=encoding, separator=separator, newline=newline)
        return {GOOD: 2}

    return make


def workbook(dirt: Dirt) -> Case:
    def make(folder: Folder) -> dict[str, int]:
        folder.xlsx(folder.rows(), dirt)
        return {GOOD: 2}

    return make


def cell(heading: str, value: Any, *, suffix: str = "xlsx") -> Case:
    """One good row, and one with this cell, which is quarantined."""

    def make(folder: Folder) -> dict[str, int]:
        rows = folder.rows(**{heading: value})
        folder.xlsx(rows) if suffix == "xlsx" else folder.csv(rows)
        return {GOOD: 1, BAD: 1}

    return make


def content(body: bytes, suffix: str = "xlsx") -> Case:
    """Bytes that are refused whole, with no row that could be counted."""

    def make(folder: Folder) -> dict[str, int]:
        folder.file(suffix).write_bytes(body)
        return {REFUSED: 0}

    return make


def edited(edit: Callable[[str], str], expected: dict[str, int]) -> Case:
    """A CSV file after an edit of its text."""

    def make(folder: Folder) -> dict[str, int]:
        path = folder.csv(folder.rows())
        path.write_bytes(edit(path.read_bytes().decode()).encode())
        return expected

    return make


def _one_cell_too_many(text: str) -> str:
    lines = text.split("\r\n")
    place = next(n for n, line in enumerate(lines) if "H15.07-2" in line)
    lines[place] += ",thừa"
    return "\r\n".join(lines)


def packed(name: str, part: bytes) -> Case:
    """A good workbook with one part more."""

    def make(folder: Folder) -> dict[str, int]:
        path = folder.xlsx(folder.rows())
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, part)
        return {REFUSED: 0}

    return make


def half_a_workbook(folder: Folder) -> dict[str, int]:
    path = folder.xlsx(folder.rows())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return {REFUSED: 0}


def a_bomb(folder: Folder) -> dict[str, int]:
    body = io.BytesIO()
    with zipfile.ZipFile(folder.xlsx(folder.rows())) as good, zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as new:
        for name in good.namelist():
            new.writestr(name, good.read(name))
        new.writestr("xl/media/a.bin", bytes(300_000_000))
    next(p for p in folder.path.iterdir() if f"{folder.day:%Y%m%d}" in p.name).write_bytes(body.getvalue())
    return {REFUSED: 0}


def two_tables(folder: Folder) -> dict[str, int]:
    rows = folder.rows(3)
    path = folder.csv(rows[:2])
    other = folder.path / "other.csv"
    write_csv(other, "ThanhToan", [{"Mã giao dịch": "G1", "Mã hồ sơ": "H15.07-240823-0001"}])
    path.write_bytes(path.read_bytes() + other.read_bytes())
    other.unlink()
    return {REFUSED: 2}


def a_column_is_missing(folder: Folder) -> dict[str, int]:
    path = folder.csv(folder.rows())
    path.write_bytes(path.read_bytes().replace("Kênh nộp".encode(), "Kênh".encode()))
    return {REFUSED: 2}


def a_manifest_disagrees(folder: Folder) -> dict[str, int]:
    write_manifest(folder.xlsx(folder.rows()), 3)
    return {REFUSED: 2}


def delivered_twice(folder: Folder) -> dict[str, int]:
    """Two names, one content: which of both is read first depends on their times."""
    first = folder.xlsx(folder.rows())
    folder.file().write_bytes(first.read_bytes())
    return {AGAIN: 2, GOOD: 2}


def payments(folder: Folder) -> dict[str, int]:
    """A key in scientific notation and one that stands twice; amounts as people write them."""
    paid = {"Mã hồ sơ": "H15.07-240823-0001", "Hình thức": "Tiền mặt", "Trạng thái": "Thành công"}
    paid["Ngày thanh toán"] = "23/08/2024"
    keys = [("1,23E+15", "5.000"), ("GD1", "1.219.000 đ"), ("GD2", "1,219,000"), ("GD3", "1"), ("GD3", "2")]
    rows = [{**paid, "Mã giao dịch": key, "Số tiền": amount} for key, amount in keys]
    write_csv(folder.file("csv", "ThanhToan"), "ThanhToan", rows, Dirt(), separator=";")
    return {GOOD: 2, BAD: 3}


CASES: dict[str, Case] = {
    "utf-8": encoded("utf-8", ",", "\r\n"),
    "utf-8 with a mark": encoded("utf-8-sig", ";", "\n"),
    "utf-16": encoded("utf-16", "\t", "\r\n"),
    "windows-1258": encoded("cp1258", ";", "\n"),
    "1904": workbook(Dirt(epoch_1904=True)),
    "hidden sheet": workbook(Dirt(hidden_copy=True, cover=True)),
    "two-row header, decomposed": workbook(Dirt(two_row_header=True, decomposed=True, starred=True)),
    "text dates, reversed": workbook(Dirt(text_dates_every=2, reversed_columns=True, header_repeated_every=1)),
    "code as a number": cell("Mã TTHC", 1.01279),
    "dossier code as a number": cell("Mã hồ sơ", 2.4e11),
    "no date": cell("Ngày hẹn trả", "31/02/2024"),
    "date with parts of one digit": cell("Ngày tiếp nhận", "1/8/2024"),
    "no STT": cell("STT", None),
    "no code": cell("Mã hồ sơ", None),
    "bare status": cell("Trạng thái", 9),
    "NUL": cell("Mã hồ sơ", "H15.07-240823-\x00001", suffix="csv"),
    "ragged": edited(_one_cell_too_many, {GOOD: 1, BAD: 1}),
    "quotes": edited(lambda t: t.replace("Trực tuyến", '"Trực tuyến', 1), {REFUSED: 0}),
    "megabyte cell": edited(lambda t: t.replace("Trực tuyến", "x" * 1_000_000, 1), {REFUSED: 0}),
    "two tables": two_tables,
    "a column is missing": a_column_is_missing,
    "manifest": a_manifest_disagrees,
    "empty": content(b""),
    "empty csv": content(b"", "csv"),
    "half": half_a_workbook,
    "password": content(OLE + "EncryptedPackage".encode("utf-16-le")),
    "web page as .xls": content(b"<html><table><tr><td>STT</td></tr></table></html>", "xls"),
    "macros by name": content(b"PK", "xlsm"),
    "macros": packed("xl/vbaProject.bin", b"x"),
    "external link": packed("xl/externalLinks/externalLink1.xml", b"<x/>"),
    "DTD": packed("xl/x.xml", b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'),
    "bomb": a_bomb,
    "twice": delivered_twice,
    "payments": payments,
}


def test_every_file_adds_up_and_none_holds_up_the_others(
    tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onestop.sources.portal_export.SECONDS_BETWEEN_LOOKS", 0.001)
    judges_made_once(monkeypatch)
    made = make_world(tmp_path, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)
    made.settings.file.write_text(
        made.settings.file.read_text() + "  - {id: dvcqg, kind: portal_export, path: exports}\n"
    )
    world = World(tmp_path, warehouse, config.load(made.settings.file))
    ingest_reference(world.settings, as_of=AS_OF)
    (tmp_path / "exports").mkdir()
    folder = Folder(tmp_path / "exports")
    expected, files = {}, {}
    for name, case in CASES.items():
        before = set(folder.path.iterdir())
        expected[name] = case(folder)
        files[name] = [p.name for p in set(folder.path.iterdir()) - before if not p.name.endswith(".json")]
    begun: list[tuple[str, float]] = []
    with pytest.raises(DataRefused):
        ingest(
            world.settings, "dvcqg", as_of=AS_OF, progress=lambda step, done: begun.append((step, time.monotonic()))
        )  # fmt: skip
    booked = {
        origin: dict(zip(("received", GOOD, BAD, AGAIN, REFUSED), counts, strict=True))
        for origin, *counts in world.rows(
            "select origin, received, accepted, quarantined, duplicate, refused from ops.load_batch where source_id = 'dvcqg'"
        )
    }
    found = {}
    for name, names in files.items():
        ledger = [booked[file] for file in names]
        assert all(row["received"] == row[GOOD] + row[BAD] + row[AGAIN] + row[REFUSED] for row in ledger)
        found[name] = {key: sum(row[key] for row in ledger) for key in (GOOD, BAD, AGAIN, REFUSED)}
    assert found == {name: {GOOD: 0, BAD: 0, AGAIN: 0, REFUSED: 0} | counts for name, counts in expected.items()}
    assert all(later - earlier < 10 for (_, earlier), (_, later) in itertools.pairwise(begun))
    raw = world.rows("select ma_ho_so, ngay_tiep_nhan, ngay_hen_tra from raw.portal_dossier")
    assert len({key for key, *_ in raw}) == len(raw) == sum(
        counts.get(GOOD, 0) for name, counts in expected.items() if name != "payments"
    )  # fmt: skip
    assert {tuple(dates) for _, *dates in raw} == {("20240823081500", "20240830170000")}
    assert world.rows("select ma_giao_dich, so_tien from raw.portal_payment order by 1") == [
        ("GD1", "1219000"), ("GD2", "1219000"),
    ]  # fmt: skip
    rejected = world.one("select count(*) from quarantine.rejected_row")
    assert rejected == sum(counts.get(BAD, 0) for counts in expected.values())
