"""The web page in a real browser: sorting, search, the view of a unit and a field, rankings, print, accessibility.

Skipped, loudly, where no Chromium is installed (Debian: apt install chromium).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from onestop.reporting.model import FieldRow, ReportFigures, UnitRow
from onestop.reporting.numbers_vi import integer
from onestop.reporting.page import write_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: the page was not opened in a browser")

HOSTILE = (
    "=cmd|'/c calc'!A0",
    "<script>window.hacked = 1</script>",
    "{{ 7 * 7 }}",
    "${7*7}",
    "\u202egnp.exe",
    '"><img src=x onerror="window.hacked = 1">',
    "</script><script>window.hacked = 1</script>",
    "javascript:window.hacked=1",
    "'; drop table mart.fct_dossier; --",
    "&lt;b&gt; &amp; <b>",
    "%s %(x)s {0}",
    "Ủ" * 10_000,
)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        # Chromium's own sandbox needs rights that a container's root has not.
        opened = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def said() -> list[str]:
    """What the page wrote to the console, and its errors."""
    return []


@pytest.fixture
def view(browser: Any, said: list[str]) -> Iterator[Any]:
    view = browser.new_page(viewport={"width": 1280, "height": 900})
    view.set_default_timeout(10_000)
    view.on("console", lambda message: said.append(f"{message.type}: {message.text}"))
    view.on("pageerror", lambda error: said.append(str(error)))
    view.on("request", lambda request: None if request.url.startswith("file:") else said.append(request.url))
    yield view
    view.close()
    assert said == []


def opened(view: Any, figures: ReportFigures, folder: Path) -> Any:
    file = folder / "bao-cao.html"
    file.write_text(write_page(figures), encoding="utf-8")
    view.goto(file.as_uri())
    return view


def first_names(view: Any) -> list[str]:
    return [text.split("\n")[0] for text in view.locator("#units tbody tr:visible th").all_inner_texts()]


def test_sort_and_search(view: Any, figures: ReportFigures, tmp_path: Path) -> None:
    opened(view, figures, tmp_path)
    view.locator("#units thead button", has_text="Tiếp nhận").click()
    by_size = sorted(figures.units, key=lambda unit: -unit.counts.received_total)
    assert first_names(view)[0].startswith(by_size[0].name)
    assert len(first_names(view)) == len(figures.units)
    view.get_by_label("Tìm đơn vị").fill("tan hoa")  # without marks
    assert [name.split(" UBND thành")[0] for name in first_names(view)] == ["UBND phường Tân Hòa"]


def test_a_unit_and_its_fields(view: Any, figures: ReportFigures, tmp_path: Path) -> None:
    opened(view, figures, tmp_path)
    unit = figures.unit("H15.31.02")
    view.get_by_role("link", name=unit.name).first.press("Enter")  # by keyboard
    dialog = view.get_by_role("dialog")
    dialog.wait_for()
    assert view.url.endswith("#unit%2FH15.31.02")
    text = dialog.inner_text()
    for row in figures.unit_fields[unit.code]:
        assert row.name in text
        assert integer(row.counts.received_total) in text
    assert "Tỷ lệ hồ sơ giải quyết trước hạn và đúng hạn" in text
    assert "1/2" in text  # its rank
    assert "onestop explain" in text
    dialog.get_by_role("link", name="Hộ tịch").click()
    view.get_by_role("heading", name="Hộ tịch").wait_for()
    of_field = [unit for unit, rows in figures.unit_fields.items() if any(row.code == "HT" for row in rows)]
    assert dialog.locator("tbody tr").count() == len(of_field) - 1  # the province is no row
    view.keyboard.press("Escape")
    dialog.wait_for(state="hidden")
    view.wait_for_function("() => !location.href.includes('#')")  # told after the dialog is gone


def test_rankings(view: Any, figures: ReportFigures, tmp_path: Path) -> None:
    opened(view, figures, tmp_path)
    view.get_by_label("Loại đơn vị").select_option("commune")
    rows = view.locator("#ranking tbody tr").all_inner_texts()
    assert [row.split("\t")[:2] for row in rows] == [
        ["UBND phường Tân Lập", "1/2"],
        ["UBND phường Tân Hòa", "2/2"],
        ["UBND xã Đắk Liêng", "không xếp hạng"],
    ]
    assert "Đạt chỉ tiêu" in rows[0]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("is_open", [False, True])
def test_accessibility(view: Any, figures: ReportFigures, tmp_path: Path, scheme: str, is_open: bool) -> None:
    from axe_playwright_python.sync_playwright import Axe

    view.emulate_media(color_scheme=scheme)
    opened(view, figures, tmp_path)
    if is_open:
        view.get_by_role("link", name="Sở Tư pháp").first.click()
        view.get_by_role("dialog").wait_for()
    found = Axe().run(view)
    assert found.violations_count == 0, found.generate_report()


def test_it_fits_a_phone(view: Any, figures: ReportFigures, tmp_path: Path) -> None:
    view.set_viewport_size({"width": 360, "height": 700})
    opened(view, figures, tmp_path)
    assert view.evaluate("document.documentElement.scrollWidth") <= 360


def test_it_prints(view: Any, figures: ReportFigures, tmp_path: Path) -> None:
    opened(view, figures, tmp_path)
    printed = view.pdf()
    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") >= 3


def test_hostile_texts_are_shown_literally(view: Any, figures: ReportFigures, tmp_path: Path) -> None:
    """Through the names of units and of fields, in the tables, the rankings and the view of a unit."""
    base = figures.unit("H15.31.02")
    more = tuple(
        UnitRow(f"H15.99.{place:02d}", text, "commune", 2, text, base.counts) for place, text in enumerate(HOSTILE)
    )
    fields = {unit.code: (FieldRow("X<y>", text, base.counts),) for unit, text in zip(more, HOSTILE, strict=True)}
    measured = dict(figures.measures["H15.31.02"])
    figures = replace(
        figures,
        units=(*figures.units, *more),
        unit_fields={**figures.unit_fields, **fields},
        measures={**figures.measures, **{unit.code: measured for unit in more}},
        unit_kinds={**figures.unit_kinds, **{unit.code: "commune" for unit in more}},
    )
    opened(view, figures, tmp_path)
    view.get_by_label("Loại đơn vị").select_option("commune")
    for unit in more:
        link = view.locator(f'tr[data-unit="{unit.code}"] a')
        assert link.text_content() == unit.name
        link.click()
        dialog = view.get_by_role("dialog")
        dialog.wait_for()
        assert view.locator("#detail-title").text_content() == f"{unit.name}, {unit.parent_name}"
        view.keyboard.press("Escape")
        dialog.wait_for(state="hidden")
    assert view.evaluate("window.hacked") is None
