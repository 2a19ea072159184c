"""Every rule of expectations/portal/*.yml, played on its passing and failing example and on the edges."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from onestop.clock import to_stamp
from onestop.config import Province
from onestop.quality.facts_portal import PortalFacts, portal_table
from onestop.quality.judge import Judge
from onestop.quality.reference import ReferenceIndex
from onestop.quality.rules import rules_for
from onestop.sources.portal_columns import LAYOUTS
from onestop.sources.portal_table import SURPLUS
from onestop.sources.records import shape
from onestop.specs import load_spec

ENTITIES = ("dossier", "payment", "rating")
BOOKS = {entity: rules_for("portal", entity) for entity in ENTITIES}
REFERENCE = ReferenceIndex.build([("H15.07", "2000-01-01", None), ("H15.OLD", "2000-01-01", "2024-08-22")], [])
ZONE = Province(code="H15", name_vi="x").zone


@pytest.fixture(scope="module")
def judges() -> dict[str, Judge]:
    return {entity: Judge(book) for entity, book in BOOKS.items()}


def broken(
    judges: dict[str, Judge], entity: str, records: list[dict[str, Any]], single: bool = True
) -> list[list[str]]:
    """The ids of the rules that each record breaks."""
    book, spec = BOOKS[entity], load_spec(f"portal_{entity}")
    shaped = shape(records, spec, first_row=1, hash_key=b"k" * 32)
    allowed = datetime.fromisoformat(book.example.as_of) + timedelta(hours=1)
    facts = PortalFacts(
        shaped.columns,
        shaped.dates,
        shaped.unreadable_dates,
        shaped.legacy_texts,
        shaped.not_text,
        np.array([SURPLUS in record for record in records]),
        np.full(len(records), single),
        to_stamp(allowed, ZONE),
    )
    verdict = judges[entity](portal_table(facts, spec, REFERENCE), np.zeros(len(records), dtype=bool))
    return [[r.id for r in book.row_rules if verdict.broken[r.id][place]] for place in range(len(records))]


def example(entity: str, **changes: Any) -> dict[str, Any]:
    return {**BOOKS[entity].example.record, **changes}


def test_the_contract_s_rules_are_all_there() -> None:
    ids = {entity: [r.id for r in (*book.batch_rules, *book.row_rules)] for entity, book in BOOKS.items()}
    assert ids["dossier"] == [f"PT-{n:03d}" for n in (*range(12), 18, 20)]
    assert ids["payment"] == ["PT-000", *(f"PT-10{n}" for n in range(1, 6))]
    assert ids["rating"] == ["PT-000", "PT-201", "PT-202", "PT-203", "PT-205"]
    assert {r.action for book in BOOKS.values() for r in book.row_rules} == {"quarantine"}
    compared = {entity: [r.id for r in book.delivery_rules] for entity, book in BOOKS.items()}
    assert compared["dossier"] == [f"PT-90{n}" for n in range(1, 6)]
    assert compared["payment"] == [f"PT-91{n}" for n in range(1, 5)]
    assert compared["rating"] == ["PT-921", "PT-922", "PT-924"]
    assert {r.action for book in BOOKS.values() for r in book.delivery_rules} == {"warn"}


@pytest.mark.parametrize("entity", ENTITIES)
def test_specifications_name_the_reader_s_fields(entity: str) -> None:
    spec, layout = load_spec(f"portal_{entity}"), LAYOUTS[entity]
    assert [f.field for f in spec.fields] == [*(c.field for c in layout.columns), "NgayCapNhat"]
    assert set(spec.required) == {c.field for c in layout.columns if c.required}
    assert spec.key == layout.key
    for column in layout.columns:
        kind = spec.by_field(column.field).kind
        assert kind == (column.kind if column.kind in ("code", "date") else "text"), column.field


@pytest.mark.parametrize("entity", ENTITIES)
def test_examples_of_the_files(judges: dict[str, Judge], entity: str) -> None:
    book = BOOKS[entity]
    records = [example(entity)]
    for rule in book.row_rules:
        records += [example(entity, **rule.passing), example(entity, **rule.failing)]
    found = broken(judges, entity, records)
    assert found[0] == []
    for n, rule in enumerate(book.row_rules):
        assert (rule.id, found[2 * n + 1], found[2 * n + 2]) == (rule.id, [], [rule.id])


EDGES = [
    ("dossier", {"MaTTHC": 1.01279}, ["PT-002"]),
    ("dossier", {"MaTTHC": None}, ["PT-002"]),
    ("dossier", {"TrangThaiHoSo": 9}, ["PT-003"]),
    ("dossier", {"KenhThucHien": None}, ["PT-004"]),
    ("dossier", {"NgayHenTra": 20240830000000}, ["PT-006"]),
    ("dossier", {"NgayTiepNhan": "45527.5"}, ["PT-006"]),
    ("dossier", {"DonViXuLy": "H15.OLD"}, ["PT-011"]),
    ("dossier", {SURPLUS: ["x"]}, ["PT-001"]),
    ("dossier", {"MaHoSo": "H15.07-240823-0001\x00"}, ["PT-001"]),
    ("dossier", {"STT": None, "MaHoSo": None}, ["PT-001", "PT-020"]),
    ("payment", {"MaGiaoDich": 123456}, []),
    ("payment", {"MaGiaoDich": 123456789012345680}, ["PT-101"]),
    ("payment", {"MaGiaoDich": 12.5}, ["PT-101"]),
    ("payment", {"MaGiaoDich": None}, ["PT-101"]),
    ("payment", {"SoTien": None}, ["PT-103"]),
    ("payment", {"SoTien": "1.219.00"}, ["PT-103"]),
    ("payment", {"TrangThai": None}, ["PT-104"]),
    ("payment", {"NgayThanhToan": None}, ["PT-105"]),
    ("payment", {"NgayThanhToan": "hôm qua"}, ["PT-105"]),
    ("rating", {"Diem": None}, ["PT-203"]),
    ("rating", {"Diem": "0"}, ["PT-203"]),
    ("rating", {"NgayDanhGia": "31/02/2024"}, ["PT-205"]),
    ("rating", {"NoiDung": "cán bộ nhiệt tình"}, []),
]


@pytest.mark.parametrize("entity", ENTITIES)
def test_edges(judges: dict[str, Judge], entity: str) -> None:
    mine = [(changes, expected) for e, changes, expected in EDGES if e == entity]
    found = broken(judges, entity, [example(entity, **changes) for changes, _ in mine])
    assert [(changes, rules) for (changes, _), rules in zip(mine, found, strict=True)] == mine


@pytest.mark.parametrize(("entity", "rule"), [("payment", "PT-101"), ("rating", "PT-201")])
def test_a_key_that_stands_twice_in_the_file(judges: dict[str, Judge], entity: str, rule: str) -> None:
    assert broken(judges, entity, [example(entity)], single=False) == [[rule]]


def test_the_free_text_of_a_rating_never_reaches_the_judge_or_raw(judges: dict[str, Judge]) -> None:
    shaped = shape(
        [example("rating", NoiDung="Nguyễn Văn A")], load_spec("portal_rating"), first_row=1, hash_key=b"k" * 32
    )
    assert "Nguyễn" not in str([column.to_pylist() for column in shaped.columns.values()])
