"""Workbooks and the Word report as LibreOffice reads them: they open, print, and nothing in them became a formula."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from onestop.errors import OnestopError
from onestop.reporting import office_suite
from onestop.reporting.draft import OTHER_FORMS, WORD, WORKBOOK, render
from onestop.reporting.model import Narrative, ReportFigures
from onestop.reporting.unit_part import write_unit_part

needs_office = pytest.mark.skipif(
    office_suite.program() is None, reason="NOT RUN: LibreOffice (soffice) is not installed"
)
HOSTILE = ("=1+1", "+cmd|' /C calc'!A0", "@SUM(1)", '=HYPERLINK("http://127.0.0.1:9","x")', "{{ 7 * 7 }}", "<b>x</b>")


@pytest.fixture(scope="module")
def products() -> dict[str, bytes]:
    from small_province import small_figures

    figures: ReportFigures = small_figures()
    units = tuple(replace(unit, name=text) for unit, text in zip(figures.units, HOSTILE, strict=False))
    hostile = replace(
        figures, units=(*units, *figures.units[len(units) :]), narrative=Narrative(HOSTILE, HOSTILE, HOSTILE)
    )
    made = render(hostile, "vi", "draft")
    return {name: made[name] for name in (WORKBOOK, OTHER_FORMS, WORD)} | {
        "bieu-ii-06a-H15.31.xlsx": write_unit_part(hostile, "H15.31")
    }


@needs_office
def test_workbooks_open_and_hold_no_formula(products: dict[str, bytes], tmp_path: Path) -> None:
    books = [tmp_path / name for name in products if name.endswith(".xlsx")]
    for path in books:
        path.write_bytes(products[path.name])
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    words = ["--headless", profile, "--convert-to", "fods", "--outdir", str(tmp_path / "read"), *map(str, books)]
    subprocess.run([str(office_suite.program()), *words], check=True, capture_output=True, timeout=180)
    for path in books:
        read = (tmp_path / "read" / f"{path.stem}.fods").read_text(encoding="utf-8")
        assert "table:formula" not in read and "<text:a " not in read
        assert read.count("<table:table-row") > 10
    first = (tmp_path / "read" / f"{Path(WORKBOOK).stem}.fods").read_text(encoding="utf-8")
    assert "=1+1" in first and "@SUM(1)" in first and "&lt;b&gt;x&lt;/b&gt;" in first


@needs_office
@pytest.mark.skipif(shutil.which("pdftotext") is None, reason="NOT RUN: pdftotext (poppler-utils) is not installed")
def test_the_word_report_prints(products: dict[str, bytes]) -> None:
    done = subprocess.run(
        ["pdftotext", "-", "-"], input=office_suite.to_pdf(products[WORD], ".docx"), capture_output=True, check=True
    )
    text = done.stdout.decode()
    assert text.count("\f") >= 3  # pages
    text = re.sub(r"\s+", " ", text)
    assert "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM" in text and "{{ 7 * 7 }}" in text and "=1+1" in text


@needs_office
def test_what_is_no_document_is_said() -> None:
    with pytest.raises(OnestopError, match="LibreOffice made no PDF"):
        office_suite.to_pdf(b"PK\x03\x04 no document", ".docx")


def test_without_an_office_suite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(OnestopError, match="not installed") as caught:
        office_suite.to_pdf(b"", ".docx")
    assert "bao-cao.pdf needs none" in str(caught.value)
