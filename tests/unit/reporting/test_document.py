"""The written report: its texts, its Word document and its PDF. Hostile texts are shown, and the bytes are always the same."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import docx
import pytest

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.periods import parse
from onestop.reporting.document import contents
from onestop.reporting.document_pdf import write_pdf
from onestop.reporting.document_word import write_word
from onestop.reporting.literal import one_line
from onestop.reporting.model import (
    COLUMNS,
    Counts,
    Durations,
    EditionMark,
    Narrative,
    OfficeWords,
    PeriodCounts,
    ReportFigures,
)
from onestop.reporting.numbers_vi import integer
from onestop.reporting.office import narrative, own_template, told
from small_province import small_figures

HOSTILE = (
    "=cmd|' /C calc'!A0", "<script>alert(1)</script>", "{{ 7 * 7 }}", "{% for x in y %}", "{%tr if x %}", "]]>&amp;&lt;",
    "#let x = 1 $x$ *b* _i_ `c` @ref <label> \\ //", "\u202eabc\u202c", "a\x07b\x0cc\x00d\x1be", "one\ntwo\tthree",
    "<w:p/>", "dài " * 2500, "\ud800",
)  # fmt: skip


def word_text(content: bytes) -> str:
    """Every text of the document, one paragraph a line."""
    document = docx.Document(BytesIO(content))
    paragraphs = document.element.body.iter("{http://schemas.openxmlformats.org/wordprocessingml/2006/main}p")
    tag = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}t"
    return "\n".join("".join(part.text or "" for part in paragraph.iter(tag)) for paragraph in paragraphs)


def pdf_text(content: bytes, tmp_path: Path) -> str:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext (poppler-utils) is not installed: the PDF's text cannot be read")
    (tmp_path / "one.pdf").write_bytes(content)
    done = subprocess.run(["pdftotext", "-layout", tmp_path / "one.pdf", "-"], capture_output=True, check=True)
    return done.stdout.decode()


@pytest.fixture
def edition(figures: ReportFigures) -> ReportFigures:
    mark = EditionMark(1, "ab" * 32, "Nguyễn Văn A", figures.known_at, None)
    said = Narrative(("Còn hồ sơ chậm.",), ("Phần mềm đồng bộ chậm.",), ("Bổ sung nhân lực.",), "215")
    return replace(figures, edition=mark, narrative=said)


def test_letterhead_and_date(figures: ReportFigures, edition: ReportFigures) -> None:
    said = contents(edition)
    assert (said["province"], said["number"]) == ("TỈNH ĐẮK LẮK", "Số: 215/BC-UBND")
    assert (said["date"], said["draft"]) == ("Đắk Lắk, ngày 25 tháng 9 năm 2024", "")
    draft = contents(figures)
    assert draft["draft"] == "DỰ THẢO" and "215" not in draft["number"] and "25" not in draft["date"]
    assert draft["causes"] == ["…" * 20] and said["causes"] == ["- Phần mềm đồng bộ chậm."]
    assert any("ab" * 32 in line for line in said["remarks"]) and "Nghị định số 09/2019" in said["opening"]
    assert "năm dương lịch" in contents(replace(figures, period=parse("calendar:2024-Q3")))["opening"]


def test_all_numbers_of_the_form_are_in_the_annexes(edition: ReportFigures) -> None:
    said = contents(edition)
    wanted = [integer(value) for value in edition.province.values()]
    assert said["form"][-1]["cells"] == said["all_units"][-1]["cells"] == wanted
    assert len(said["form"]) == sum(len(block.fields) + 2 for block in edition.levels) + 1
    named = {row["name"]: row["cells"] for row in said["all_units"]}
    assert all(named[one_line(u.name)] == [integer(v) for v in u.counts.values()] for u in edition.units)


def test_comparison(figures: ReportFigures) -> None:
    before = Counts(*([0] * len(COLUMNS)))
    one = replace(before, received_total=1_000_000, resolved_total=1000, resolved_early=995, resolved_overdue=5)
    found = {
        row["name"]: row
        for row in contents(replace(figures, year_before=PeriodCounts(parse("2023-Q3"), one)))["comparison"]
    }
    row = found["Tiếp nhận"]
    assert (row["now"], row["year_before"], row["year_before_change"]) == (
        "1.204.511", "1.000.000", "+204.511 (+20,5\u00a0%)",
    )  # fmt: skip
    assert found["Tỷ lệ đúng hạn"]["year_before_change"] == "+0,49 điểm %"
    assert found["Đang giải quyết"]["year_before_change"] == "+171"  # of nothing there is no share
    assert contents(replace(figures, previous=None))["comparison"] == []


def test_a_units_own_overdue_dossiers_are_listed(figures: ReportFigures) -> None:
    late = {row["name"]: row for row in contents(figures)["units"]}
    assert list(late)[:2] == ["UBND phường Tân Hòa", "Sở Tư pháp"]
    city = late["UBND thành phố Buôn Ma Thuột"]  # without its two wards
    assert (city["overdue"], city["open_overdue"]) == ("9", "8")


def test_nothing_happened(figures: ReportFigures) -> None:
    empty = replace(
        figures, province=Counts(), levels=(), units=(), unit_forms={}, previous=None, months=(), durations=Durations({}),
    )  # fmt: skip
    said = contents(empty)
    assert "Tỷ lệ giải quyết trước hạn và đúng hạn: không có." in said["results"][1] and said["units"] == []
    text = word_text(write_word(said, figures.known_at))
    assert "Không có đơn vị nào có hồ sơ quá hạn." in text and "nên không so sánh" in text
    assert write_pdf(said, figures.known_at).startswith(b"%PDF")


def test_word_and_pdf_say_the_same(edition: ReportFigures, tmp_path: Path) -> None:
    said = contents(edition)
    word = word_text(write_word(said, edition.known_at))
    pdf = re.sub(r"\s+", " ", pdf_text(write_pdf(said, edition.known_at), tmp_path))
    assert not re.search(r"\{[{%]|[%}]\}", word)
    for text in (said["about"], said["number"], said["date"], *said["t"].values(), *said["recipients"], "99,99\u00a0%"):
        assert text in word or text == said["t"]["comparison_none"] or text == said["t"]["units_none"], text
    for text in (
        "Độc lập - Tự do - Hạnh phúc",
        "TỈNH ĐẮK LẮK",
        "1.204.511",
        "Phụ lục II",
        "Còn hồ sơ chậm.",
        "ab" * 32,
    ):
        assert text in word and text in pdf


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_texts_are_shown(edition: ReportFigures, text: str) -> None:
    units = (replace(edition.units[0], name=text), *edition.units[1:])
    field = replace(edition.levels[0].fields[0], name=text)
    levels = (replace(edition.levels[0], fields=(field, *edition.levels[0].fields[1:])), *edition.levels[1:])
    mark = replace(edition.edition, approved_by=text, reason=text) if edition.edition else None
    said = contents(
        replace(edition, units=units, levels=levels, edition=mark, narrative=Narrative((text,), (text,), (text,), text))
    )
    shown = one_line(text)
    assert word_text(write_word(said, edition.known_at)).count(shown) >= (8 if shown else 0)
    assert write_pdf(said, edition.known_at).startswith(b"%PDF")


def test_the_pdf_shows_hostile_texts_too(edition: ReportFigures, tmp_path: Path) -> None:
    texts = [text for text in HOSTILE if len(text) < 100 and "\u202e" not in text]
    said = contents(replace(edition, narrative=Narrative(tuple(texts))))
    found = re.sub(r"\s+", "", pdf_text(write_pdf(said, edition.known_at), tmp_path))
    assert [text for text in texts if re.sub(r"\s+", "", one_line(text)) not in found] == []


def test_the_same_figures_give_the_same_bytes(edition: ReportFigures) -> None:
    first, again = contents(edition), contents(replace(edition))
    for make in (write_word, write_pdf):
        assert make(first, edition.known_at) == make(again, edition.known_at)
    with ZipFile(BytesIO(write_word(first, edition.known_at))) as archive:
        assert {entry.date_time for entry in archive.infolist()} == {(2024, 9, 25, 1, 0, 0)}


def own(text: str) -> bytes:
    document, buffer = docx.Document(), BytesIO()
    document.add_paragraph(text)
    document.save(buffer)
    return buffer.getvalue()


def test_an_offices_own_template(edition: ReportFigures) -> None:
    said = contents(edition)
    made = write_word(said, edition.known_at, own("Văn phòng UBND {{ province }}: {{ about }}"))
    assert word_text(made) == f"Văn phòng UBND TỈNH ĐẮK LẮK: {said['about']}"


@pytest.mark.parametrize(
    "template",
    [
        b"no document",
        own("{{ provinse }}"),
        own("{% for x in form %}"),
        own("{{ ''.__class__.__mro__ }}"),
        own("{{ 1 / 0 }}"),
    ],
)
def test_a_template_that_cannot_be_filled(edition: ReportFigures, template: bytes) -> None:
    with pytest.raises(ConfigurationError, match="cannot be filled") as caught:
        write_word(contents(edition), edition.known_at, template)
    assert "reports.template" in str(caught.value)


def settings(tmp_path: Path, **reports: Any) -> Settings:
    source = {"id": "igate", "kind": "one_stop_api", "base_url": "http://127.0.0.1:1", "credentials": "IGATE"}
    province = {"code": "H15", "name_vi": "Đắk Lắk"}
    return Settings.model_validate(
        {"province": province, "reports": reports, "sources": [source], "file": tmp_path / "province.yml"}
    )


def test_what_the_office_adds(tmp_path: Path) -> None:
    period, mine = parse("2024-Q3"), settings(tmp_path, template="mau.docx")
    assert narrative(mine, period) == Narrative() and own_template(settings(tmp_path)) is None
    (tmp_path / "narrative").mkdir()
    file = tmp_path / "narrative" / "statutory_2024-Q3.yml"
    file.write_text("causes: [Phần mềm chậm, Thiếu người]\nnumber: '215'\n", encoding="utf-8")
    assert narrative(mine, period) == Narrative(causes=("Phần mềm chậm", "Thiếu người"), number="215")
    units = ("units: [a]", "units: {H15.01: {cause: [x]}}", "units: {H15.01: x}", "units: {H15.01: {number: '1'}}")
    for wrong in ("cause: [x]", "causes: {a: b}", "- x", "causes: [", "number: [1]", *units):
        file.write_text(wrong, encoding="utf-8")
        with pytest.raises(ConfigurationError, match="cannot be used"):
            narrative(mine, period)
    figures, file = small_figures(), tmp_path / "narrative" / f"{period.folder}.yml"
    file.write_text("units: {H15.01: {causes: [Thiếu người]}}", encoding="utf-8")
    assert told(figures, mine).narrative.units == {"H15.01": OfficeWords(causes=("Thiếu người",))}
    file.write_text("units: {H15.01: {}, H15.99: {}}", encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"units without figures: H15\.99"):
        told(figures, mine)
    with pytest.raises(ConfigurationError, match=r"mau\.docx cannot be read"):
        own_template(mine)
    (tmp_path / "mau.docx").write_bytes(b"x")
    assert own_template(mine) == b"x"
