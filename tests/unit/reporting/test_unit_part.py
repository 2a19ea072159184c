"""A unit's own part: its figures and words, those of the units below it, and nothing of anybody else."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from zipfile import ZipFile

from openpyxl import load_workbook

from onestop.reporting import unit_part
from onestop.reporting.arrivals import Expected
from onestop.reporting.document import contents
from onestop.reporting.model import Narrative, OfficeWords, ReportFigures
from onestop.reporting.wording import expected_notes, former_notes
from small_province import AGENCIES, small_figures

UNIT = "H15.31"


def test_a_part_has_nothing_of_other_units_and_the_same_bytes_each_time(figures: ReportFigures) -> None:
    content = unit_part.write_unit_part(figures, UNIT)
    assert content == unit_part.write_unit_part(small_figures(), UNIT)
    with ZipFile(BytesIO(content)) as book:
        inside = b"".join(book.read(name) for name in book.namelist()).decode("utf-8", "replace")
    own = {UNIT, "H15.31.02", "H15.31.10"}
    others = [(code, name) for code, name, _, _ in AGENCIES if code not in own | {"H15", "H15.02"}]
    assert len(others) == 4 and not [said for one in others for said in one if said in inside]
    assert "Y tế" not in inside and "HYPERLINK" not in inside  # the name of H15.02
    assert [code for code, name, _, _ in AGENCIES[1:] if name in inside] == ["H15.31", "H15.31.02", "H15.31.10"]
    book = load_workbook(BytesIO(content))
    numbers = {c.value for sheet in book for row in sheet.iter_rows() for c in row if isinstance(c.value, int)}
    shown = [row.counts for row in figures.units if row.code in own]
    for block in figures.unit_levels[UNIT]:
        shown += [block.subtotal, *(field.counts for field in block.fields)]
    theirs = {number for counts in shown for number in counts.values()}
    assert theirs <= numbers <= theirs | set(range(14))  # and the numbers of rows and columns
    assert book.sheetnames == ["II.06a", "Tổng hợp"]
    lone = load_workbook(BytesIO(unit_part.write_unit_part(figures, "H15.01")))
    assert lone.sheetnames == ["II.06a"]


def test_what_is_said_of_the_province_is_no_part_of_a_unit_s(figures: ReportFigures) -> None:
    before = replace(figures.previous, is_printed=True) if figures.previous else None
    expected = Expected("received_new", 1, 2, 1, 3, 0.9, 60)
    told = replace(figures, previous=before, previous_published=before, expected=(expected,))
    assert former_notes(told) and expected_notes(told)
    assert unit_part.write_unit_part(told, UNIT) == unit_part.write_unit_part(figures, UNIT)
    assert unit_part.own_part(told, UNIT).measures.keys() == {UNIT, "H15.31.02", "H15.31.10"}


def test_words_of_units_stand_in_their_part_and_in_the_report(figures: ReportFigures) -> None:
    words = {
        "H15.31.02": OfficeWords(causes=("=Thiếu biên chế",)), UNIT: OfficeWords(proposals=("Bổ sung\nnhân lực",)),
        "H15.01": OfficeWords(causes=("Phần mềm chậm",)),
    }  # fmt: skip
    told = replace(figures, narrative=Narrative(causes=("Chung",), units=words))
    book = load_workbook(BytesIO(unit_part.write_unit_part(told, UNIT)))
    assert [row[0] for row in book["Giải trình"].iter_rows(values_only=True)] == [
        "UBND thành phố Buôn Ma Thuột: Kiến nghị, đề xuất", "- Bổ sung nhân lực",
        "UBND phường Tân Lập: Nguyên nhân", "- =Thiếu biên chế",
    ]  # fmt: skip
    said = contents(told)
    assert said["causes"] == ["- Chung", "- Sở Tư pháp: Phần mềm chậm", "- UBND phường Tân Lập: =Thiếu biên chế"]
    assert said["proposals"] == ["- UBND thành phố Buôn Ma Thuột: Bổ sung nhân lực"]
    # Words are no figures: a confirmation stands when they change.
    assert unit_part.shown(told, UNIT) == unit_part.shown(figures, UNIT) != unit_part.shown(figures, "H15.01")
