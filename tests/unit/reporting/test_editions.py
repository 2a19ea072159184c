"""What an edition is, without a database: names, reasons, canonical JSON, figures kept and rendered again."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO

import docx
import pytest

from onestop.errors import ConfigurationError
from onestop.reporting.draft import render
from onestop.reporting.editions import products
from onestop.reporting.editions.canonical import Content, as_json, manifest, row_check, sha256, values
from onestop.reporting.editions.model import REASONS, REASONS_VI, Edition, person, reason_code, reason_text, same_person
from onestop.reporting.editions.tables import BY_NAME, TABLES
from onestop.reporting.model import Bounds, EditionMark, Narrative, ReportFigures

AT = datetime(2024, 9, 25, 1, tzinfo=UTC)
EDITION = Edition(
    edition_id=7, period_convention="statutory", period="2024-Q3", version=2, status="draft", known_at=AT,
    is_preliminary=False, drafted_at=AT, drafted_by="Trần Thị B", approved_at=AT, approved_by="Nguyễn Văn A",
    published_at=None, published_by=None, superseded_at=None, reason_code="correction", reason="sai", code_version="1",
    sha256=None, previous_sha256="a" * 64, manifest=None,
)  # fmt: skip


def test_names_are_one_persons_in_any_form() -> None:
    assert person("  Nguyễn   Văn A ") == "Nguyễn Văn A"
    assert same_person("NGUYỄN VĂN A", "Nguye\u0302\u0303n Va\u0306n A")
    assert not same_person("Nguyễn Văn A", "Nguyễn Văn B")
    for empty in ("", " \t"):
        with pytest.raises(ConfigurationError):
            person(empty)
        with pytest.raises(ConfigurationError):
            reason_text(empty)


def test_reasons() -> None:
    assert set(REASONS) == set(REASONS_VI)
    assert reason_code("late-arrival") == "late_arrival"
    with pytest.raises(ConfigurationError, match="no reason code"):
        reason_code("because")


def test_the_manifest_has_every_fact_and_changes_with_each() -> None:
    contents = {"dossier": Content(1, "b" * 64, b"12345678")}
    text = manifest(EDITION, contents)
    said = json.loads(text)
    assert (said["version"], said["previous_sha256"], said["tables"]["dossier"]["rows"]) == (2, "a" * 64, 1)
    assert "2024-09-25T01:00:00.000000+00:00" in text
    others = [
        replace(EDITION, approved_by="x"), replace(EDITION, known_at=AT.replace(microsecond=1)),
        replace(EDITION, reason=None), replace(EDITION, previous_sha256=None), replace(EDITION, version=3),
    ]  # fmt: skip
    hashes = {sha256(manifest(one, contents)) for one in others}
    hashes |= {sha256(text), sha256(manifest(EDITION, {"dossier": Content(1, "b" * 64, b"12345679")}))}
    assert len(hashes) == len(others) + 2
    # What comes after approval is not in it.
    assert manifest(replace(EDITION, status="published", published_at=AT), contents) == text


def test_canonical_json_has_one_way_to_be_written() -> None:
    assert as_json({"b": 1, "a": "đ"}) == as_json({"a": "đ", "b": 1}) == '{\n "a": "đ",\n "b": 1\n}'


def test_a_row_is_named_by_its_key() -> None:
    table = BY_NAME["form_ii_06a"]
    line = "\t".join(
        ["statutory", "2024-Q3", "2024-06-15", "2024-09-14", "as_was", "H15", "Tỉnh", *"123456789", "10", "11"]
    )
    assert table.named(values(f"{line}\n".encode())) == "org_view as_was, agency_code H15"
    assert len(row_check(b"x")) == 8
    assert 'org_view::text collate "C"' in table.order and "received_total::text" not in table.order


def test_every_table_but_the_figures_names_its_rows() -> None:
    assert [table.name for table in TABLES if not table.key] == ["report_figures"]
    assert all(set(table.key) <= set(table.columns) for table in TABLES)


def test_kept_figures_render_the_same_bytes(figures: ReportFigures) -> None:
    moved, unbounded = Bounds(Decimal(820), Decimal(823), 3), Bounds(Decimal(2), None, 1)
    figures = replace(
        figures,
        consequence={"H15.31": {"resolved_total": moved, "processing_working_days_mean": unbounded}},
        field_consequence={"H15.31.10": {"HT": {"resolved_total": moved}}},
    )
    kept = json.loads(products.as_text(figures, "vi"))
    again = products._FIGURES.validate_python(kept["figures"])
    mark = EditionMark(1, "c" * 64, "Nguyễn Văn A", figures.known_at, "=cmd <b>lý do</b>")
    marked = [replace(one, edition=mark, known_at=figures.known_at) for one in (figures, again)]
    assert render(marked[0], "vi", "published") == render(marked[1], "vi", "published")
    page = render(marked[1], "vi", "published")["bao-cao.html"].decode()
    assert "c" * 64 in page and "<b>lý do" not in page and "Bản dự thảo" not in page


def test_the_offices_template_is_kept_with_the_figures_once_it_can_be_filled(figures: ReportFigures) -> None:
    template = {}
    for name in ("{{ number }}", "{% if not draft %}{{ nummer }}{% endif %}"):
        document, buffer = docx.Document(), BytesIO()
        document.add_paragraph(name)
        document.save(buffer)
        template[name] = buffer.getvalue()
    good, bad = template.values()
    kept = json.loads(products.as_text(figures, "vi", good))
    assert base64.b64decode(kept["template"]) == good
    assert "template" not in json.loads(products.as_text(figures, "vi"))
    with pytest.raises(ConfigurationError, match="nummer"):
        products.as_text(figures, "vi", bad)


def test_figures_kept_before_there_were_narratives_are_still_read(figures: ReportFigures) -> None:
    kept = json.loads(products.as_text(figures, "vi"))["figures"]
    del kept["narrative"]
    assert products._FIGURES.validate_python(kept).narrative == Narrative()


def test_english_page_says_the_edition(figures: ReportFigures) -> None:
    mark = EditionMark(2, "d" * 64, "Nguyễn Văn A", figures.known_at, None)
    page = render(replace(figures, edition=mark), "en", "published")["bao-cao.html"].decode()
    assert "Edition 2, approved by Nguyễn Văn A" in page and "Draft" not in page
