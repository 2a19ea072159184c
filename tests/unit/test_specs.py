"""Entity specifications: the one list of fields fits the raw tables, the rules and the law on personal data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from onestop.errors import OnestopError
from onestop.specs import FOLDER, Item, load_spec
from onestop.warehouse.migrations import FOLDER as MIGRATIONS

NAMES = sorted(path.stem for path in FOLDER.glob("*.yml"))
DOSSIER = load_spec("one_stop_dossier")
OWN_COLUMNS = ("batch_id", "row_number", "source_id", "content_hash", "warning_ids")


def test_there_are_specifications() -> None:
    assert "one_stop_dossier" in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_specification_is_in_order(name: str) -> None:
    spec = load_spec(name)
    fields = [field.field for field in spec.fields]
    assert len(set(fields)) == len(fields) and len(set(spec.raw_columns)) == len(spec.raw_columns)
    assert {spec.key, spec.version, *spec.required} <= set(fields)
    assert spec.deleted is None or spec.deleted in fields
    for field in spec.fields:
        assert (field.kind == "list") == bool(field.items)
        assert field.column is not None or field.personal or field.kind == "list" or spec.family != "one_stop"


@pytest.mark.parametrize("name", NAMES)
def test_personal_fields_have_no_column_but_a_keyed_hash(name: str) -> None:
    for field in load_spec(name).fields:
        if field.personal and field.column:
            assert field.keep == "keyed_hash" and field.column.endswith("_hash")


def test_the_raw_table_has_the_specifications_columns() -> None:
    statement = "".join(path.read_text() for path in sorted(MIGRATIONS.glob("*.sql")))
    found = re.search(r"create table raw\.one_stop_dossier \((.*?)\n\);", statement, re.DOTALL)
    assert found
    columns = tuple(line.split()[0] for line in found[1].strip().splitlines())
    assert columns == OWN_COLUMNS + DOSSIER.raw_columns


def test_what_the_law_calls_personal_is_marked() -> None:
    assert {
        "ChuHoSo", "SoDinhDanh", "SoDienThoai", "Email", "DiaChi", "TrichYeuHoSo", "NoiDungBoSung", "LyDo",
    } == DOSSIER.personal_fields  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"field": "A", "kind": "text", "personal": "name", "column": "a"},
        {"field": "A", "kind": "text", "personal": "name", "column": "a", "keep": "dropped"},
        {"field": "A", "kind": "text", "personal": "name", "column": "a", "keep": "keyed_hash"},
        {"field": "A", "kind": "moment"},
        {"field": "A", "kind": "text", "colum": "a"},
    ],
)
def test_wrong_fields_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Item.model_validate(wrong)


def test_fields_are_found_by_name() -> None:
    assert DOSSIER.by_field("DaXoa").column == "da_xoa"
    with pytest.raises(KeyError):
        DOSSIER.by_field("Nowhere")


def test_a_specification_that_is_missing_or_broken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onestop.specs.FOLDER", tmp_path)
    (tmp_path / "broken_thing.yml").write_text("entity: thing\n")
    for name in ("missing_thing", "broken_thing"):
        with pytest.raises(OnestopError, match=f"{name}.yml"):
            load_spec(name)
