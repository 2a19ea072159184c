"""The folder of exports: names, order, versions, settling, manifests; files are only looked at and read."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.local import LocalFileSystem
from fsspec.implementations.memory import MemoryFileSystem

from onestop.errors import DataRefused, SourceUnavailable
from onestop.sources.portal_export import (
    Manifest,
    fetch,
    in_order,
    list_files,
    manifest_of,
    superseded,
    wait_until_settled,
)
from onestop.sources.spreadsheet import FileRefused, Limits

FS = LocalFileSystem()
JUNE = "DVCQG_HoSo_H15_20240601_20240630"


def put(folder: Path, name: str, content: bytes = b"x", modified: float = 1_700_000_000) -> Path:
    path = folder / name
    path.write_bytes(content)
    os.utime(path, (modified, modified))
    return path


def names(folder: Path) -> list[str]:
    return [file.name for file in list_files(FS, str(folder)).files]


def test_what_a_name_says(tmp_path: Path) -> None:
    put(tmp_path, "DVCQG_ThanhToan_H15_20240601_20240630_v12.csv", b"12345")
    [file] = list_files(FS, str(tmp_path)).files
    assert (file.entity, file.province, file.version, file.suffix, file.size) == ("payment", "H15", 12, "csv", 5)
    assert (file.first_day, file.last_day, file.stamp) == (date(2024, 6, 1), date(2024, 6, 30), "20240630235959")
    assert file.modified == datetime.fromtimestamp(1_700_000_000, UTC)


def test_strangers_are_named_and_the_rest_left_alone(tmp_path: Path) -> None:
    good = [f"{JUNE}.xlsx", f"{JUNE}.xls", "dvcqg_danhgia_h15_20240601_20240630.CSV"]
    strange = [
        "DVCQG_HoSo_H15_20240631_20240630.xlsx",
        "DVCQG_HoSo_H15_20240701_20240630.xlsx",
        "DVCQG_Khac_H15_20240601_20240630.xlsx",
        f"{JUNE} (1).xlsx",
        f"{JUNE}.xlsx.part",
    ]
    for name in (*good, *strange, f"{JUNE}.xlsx.manifest.json", "readme.txt", "~$DVCQG_x.xlsx"):
        put(tmp_path, name)
    (tmp_path / "DVCQG_old").mkdir()
    listing = list_files(FS, str(tmp_path))
    assert {file.name for file in listing.files} == set(good)
    assert listing.strangers == sorted(strange)


def test_the_later_file_comes_last(tmp_path: Path) -> None:
    july = "DVCQG_HoSo_H15_20240701_20240731"
    put(tmp_path, f"{july}.xlsx", modified=1_000)
    put(tmp_path, f"{JUNE}.xlsx", modified=9_000)
    put(tmp_path, f"{JUNE}_v10.xlsx", modified=2_000)
    put(tmp_path, f"{JUNE}_v2.xlsx", modified=8_000)
    put(tmp_path, "DVCQG_HoSo_H15_20240615_20240630_v99.xlsx", modified=1_500)
    put(tmp_path, "DVCQG_HoSo_H15_20240616_20240630.xlsx", modified=1_500)
    assert names(tmp_path) == [
        "DVCQG_HoSo_H15_20240615_20240630_v99.xlsx",
        "DVCQG_HoSo_H15_20240616_20240630.xlsx",
        f"{JUNE}.xlsx",
        f"{JUNE}_v2.xlsx",
        f"{JUNE}_v10.xlsx",
        f"{july}.xlsx",
    ]
    files = list_files(FS, str(tmp_path)).files
    assert in_order(reversed(files)) == files


def test_the_highest_version_replaces_the_others(tmp_path: Path) -> None:
    for name in (
        f"{JUNE}.xlsx",
        f"{JUNE}_v2.xlsx",
        f"{JUNE}_v10.xlsx",
        f"{JUNE}_v3.csv",
        "DVCQG_DanhGia_H15_20240601_20240630.xlsx",
    ):
        put(tmp_path, name)
    replaced = superseded(list_files(FS, str(tmp_path)).files)
    assert {old: new.name for old, new in replaced.items()} == {
        f"{JUNE}.xlsx": f"{JUNE}_v10.xlsx",
        f"{JUNE}_v2.xlsx": f"{JUNE}_v10.xlsx",
    }


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="does not exist") as caught:
        list_files(FS, str(tmp_path / "no"))
    assert caught.value.next_step


class Writer:
    """A clock whose waits let somebody write on."""

    def __init__(self, path: Path, appends: int) -> None:
        self.path, self.appends, self.now = path, appends, 0.0

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.appends:
            self.appends -= 1
            with self.path.open("ab") as out:
                out.write(b"more")

    def monotonic(self) -> float:
        return self.now


def settled(folder: Path, appends: int) -> tuple[Any, Writer]:
    put(folder, f"{JUNE}.xlsx")
    [file] = list_files(FS, str(folder)).files
    writer = Writer(folder / f"{JUNE}.xlsx", appends)
    return wait_until_settled(FS, file, sleep=writer.sleep, monotonic=writer.monotonic), writer


@pytest.mark.parametrize(("appends", "seconds", "size"), [(0, 2, 1), (3, 8, 13), (29, 60, 117)])
def test_a_file_is_settled_when_two_looks_agree(tmp_path: Path, appends: int, seconds: float, size: int) -> None:
    file, writer = settled(tmp_path, appends)
    assert (writer.now, file.size) == (seconds, size)


def test_a_file_that_never_settles_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=f"{JUNE}.xlsx is still being written after 60 s") as caught:
        settled(tmp_path, 10_000)
    assert caught.value.exit_code == 1


def test_time_alone_unsettles_too(tmp_path: Path) -> None:
    path = put(tmp_path, f"{JUNE}.xlsx")
    [file] = list_files(FS, str(tmp_path)).files
    looks = []

    def sleep(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 1:
            os.utime(path, (1_800_000_000, 1_800_000_000))

    assert wait_until_settled(FS, file, sleep=sleep).modified.year == 2027
    assert [round(seconds, 1) for seconds in looks] == [2.0, 2.0]


def test_the_look_at_the_folder_is_the_first_of_the_two(tmp_path: Path) -> None:
    """Of many files only the first one is waited for, and one that changed since is looked at again."""
    path = put(tmp_path, f"{JUNE}.xlsx")
    [file] = list_files(FS, str(tmp_path)).files
    waits: list[float] = []
    for now, expected in ((100.5, [1.5]), (102.0, [])):
        waits.clear()
        assert wait_until_settled(FS, file, seen_at=100.0, sleep=waits.append, monotonic=lambda: now) == file  # noqa: B023
        assert waits == expected
    put(tmp_path, f"{JUNE}.xlsx", b"longer")
    assert wait_until_settled(FS, file, seen_at=100.0, sleep=waits.append, monotonic=lambda: 200.0).size == 6
    assert waits == [2.0] and path.exists()


def test_a_file_that_went_away(tmp_path: Path) -> None:
    path = put(tmp_path, f"{JUNE}.xlsx")
    [file] = list_files(FS, str(tmp_path)).files
    path.unlink()
    for look in (lambda: wait_until_settled(FS, file, sleep=lambda s: None), lambda: b"".join(fetch(FS, file))):
        with pytest.raises(SourceUnavailable, match=JUNE):
            look()


def test_fetching_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = put(tmp_path, f"{JUNE}.xlsx", b"content")
    before = path.stat()
    [file] = list_files(FS, str(tmp_path)).files
    assert b"".join(fetch(FS, file)) == b"content"
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{JUNE}.xlsx"]


def test_fetching_transfers_no_more_than_the_limit_and_notices_a_change(tmp_path: Path) -> None:
    path = put(tmp_path, f"{JUNE}.xlsx", b"123456")
    [file] = list_files(FS, str(tmp_path)).files
    with pytest.raises(FileRefused, match="more than 0 MB"):
        b"".join(fetch(FS, file, Limits(packed=5)))
    path.write_bytes(b"1234567")
    with pytest.raises(SourceUnavailable, match="changed while it was read"):
        b"".join(fetch(FS, file))
    with pytest.raises(FileRefused):
        b"".join(fetch(FS, file, Limits(packed=6)))


def test_any_fsspec_file_system() -> None:
    fs = MemoryFileSystem()
    fs.pipe("/portal_exports/" + f"{JUNE}.csv", b"abc")
    try:
        [file] = list_files(fs, "/portal_exports").files
        assert b"".join(fetch(fs, wait_until_settled(fs, file, sleep=lambda s: None))) == b"abc"
        assert manifest_of(fs, file) is None
    finally:
        fs.rm("/portal_exports", recursive=True)


@pytest.mark.parametrize("side", [f"{JUNE}.xlsx.manifest.json", f"{JUNE}.manifest.json"])
def test_a_manifest_that_agrees(tmp_path: Path, side: str) -> None:
    put(tmp_path, f"{JUNE}.xlsx", b"content")
    put(tmp_path, side, json.dumps({"rows": 3, "sha256": hashlib.sha256(b"content").hexdigest().upper()}).encode())
    [file] = list_files(FS, str(tmp_path)).files
    manifest = manifest_of(FS, file)
    assert manifest is not None
    manifest.check_content(file, hashlib.sha256(b"content").hexdigest())
    manifest.check_rows(file, 3)
    with pytest.raises(DataRefused, match="sha256"):
        manifest.check_content(file, hashlib.sha256(b"other").hexdigest())
    with pytest.raises(FileRefused, match="it has 2 records, its manifest says 3") as caught:
        manifest.check_rows(file, 2)
    assert caught.value.rows == 2


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"rows": "3"}', b'{"rows": true}', b'{"sha256": 5}', b"\xff"])
def test_a_manifest_that_is_none_refuses_the_file(tmp_path: Path, body: bytes) -> None:
    put(tmp_path, f"{JUNE}.xlsx")
    put(tmp_path, f"{JUNE}.xlsx.manifest.json", body)
    [file] = list_files(FS, str(tmp_path)).files
    with pytest.raises(DataRefused, match=f"the manifest of {JUNE}.xlsx"):
        manifest_of(FS, file)


def test_a_manifest_may_name_one_thing_only(tmp_path: Path) -> None:
    put(tmp_path, f"{JUNE}.xlsx")
    put(tmp_path, f"{JUNE}.xlsx.manifest.json", b'{"rows": 3}')
    [file] = list_files(FS, str(tmp_path)).files
    assert manifest_of(FS, file) == Manifest(3, None)
