"""Where a draft lies, and that it is replaced whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.reporting import draft as module
from onestop.reporting.draft import FIGURES, PAGE, PRODUCTS, write_draft
from onestop.reporting.model import ReportFigures


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    source = {"id": "igate", "kind": "one_stop_api", "base_url": "http://127.0.0.1:1", "credentials": "IGATE"}
    return Settings.model_validate(
        {
            "province": {"code": "H15", "name_vi": "Đắk Lắk"},
            "reports": {"path": "out"},
            "sources": [source],
            "file": tmp_path / "province.yml",
        }
    )


def test_the_files_in_the_periods_draft_folder(figures: ReportFigures, settings: Settings, tmp_path: Path) -> None:
    paths = write_draft(figures, settings)
    home = tmp_path / "out" / "statutory_2024-Q3"
    assert paths == [home / "draft" / name for name in PRODUCTS]
    assert all(path.stat().st_size for path in paths)
    content = json.loads(paths[PRODUCTS.index(FIGURES)].read_text(encoding="utf-8"))
    assert content["form_ii_06a"] == figures.province.as_dict()
    assert content["known_at"] == "2024-09-25T08:00:00+07:00"
    assert content["on_time_rate"]["numerator"] == figures.province.resolved_in_time


def test_editions_stay_and_the_old_draft_goes(figures: ReportFigures, settings: Settings, tmp_path: Path) -> None:
    home = tmp_path / "out" / "statutory_2024-Q3"
    for folder in ("draft", "edition-1", ".draft-new", ".draft-old"):
        (home / folder).mkdir(parents=True)
        (home / folder / "old.txt").write_text("old")
    write_draft(figures, settings)
    assert (home / "edition-1" / "old.txt").read_text() == "old"
    assert sorted(p.name for p in (home / "draft").iterdir()) == sorted(PRODUCTS)
    assert not (home / ".draft-new").exists()
    assert not (home / ".draft-old").exists()


def test_same_figures_same_bytes(figures: ReportFigures, settings: Settings) -> None:
    first = [path.read_bytes() for path in write_draft(figures, settings)]
    assert [path.read_bytes() for path in write_draft(figures, settings)] == first


def test_a_full_disk_keeps_the_old_draft(
    figures: ReportFigures, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in write_draft(figures, settings)}
    write = Path.write_bytes

    def full(path: Path, content: bytes) -> int:
        if path.name == PAGE:
            raise OSError(28, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OnestopError, match="No space left") as caught:
        write_draft(figures, settings)
    assert "reports.path" in str(caught.value)
    assert {path: path.read_bytes() for path in before} == before
    assert not (tmp_path / "out" / "statutory_2024-Q3" / ".draft-new").exists()


def test_a_swap_that_fails_puts_the_old_draft_back(
    figures: ReportFigures, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    [workbook, *_] = write_draft(figures, settings)
    rename = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name == ".draft-new":
            raise PermissionError(13, "Permission denied", str(path))
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(OnestopError, match="Permission denied"):
        write_draft(figures, settings)
    assert workbook.exists()


def test_a_run_killed_between_the_two_renames_is_mended(figures: ReportFigures, settings: Settings) -> None:
    [workbook, *_] = write_draft(figures, settings)
    workbook.parent.rename(workbook.parent.with_name(".draft-old"))
    module._replace(workbook.parents[1], "draft", {"a.txt": b"new"})
    assert (workbook.parent / "a.txt").read_bytes() == b"new"


def test_a_folder_that_is_a_file(figures: ReportFigures, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way")
    with pytest.raises(OnestopError, match="cannot be written"):
        write_draft(figures, settings)
