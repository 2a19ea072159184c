"""A source that changes its fields: new ones are said once and masked, required ones that changed stop the delivery."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from onestop import config
from onestop.errors import DataRefused
from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.portal_files import Dirt, dossier_row, file_name, write_xlsx
from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world

pytestmark = pytest.mark.integration
PERSON = "Y Moan Êban 0905123456"


class Feed:
    """A world with one source whose records a test replaces between runs."""

    def __init__(self, folder: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._dsn, self._monkeypatch = folder, warehouse, monkeypatch
        self.world: World | None = None

    def run(self, *records: dict[str, Any]) -> World:
        with OneStopServer(records, CLIENT, SECRET) as server:
            known = self.world is not None
            self.world = make_world(self._folder, self._dsn, {"igate": server.url}, self._monkeypatch)
            if not known:
                ingest_reference(self.world.settings, as_of=AS_OF)
            ingest(self.world.settings, "igate", as_of=AS_OF)
        return self.world


@pytest.fixture
def feed(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Feed:
    return Feed(tmp_path, warehouse, monkeypatch)


def messages(world: World) -> list[str | None]:
    return [m for (m,) in world.rows("select message from ops.load_batch where source_id = 'igate' order by batch_id")]


FIELDS = "select field, json_types, examples_masked, first_batch_id from ops.unknown_field order by 1"


def test_a_new_field_is_kept_masked_and_said_once(feed: Feed) -> None:
    world = feed.run(dossier(1))
    assert world.rows(FIELDS) == []
    feed.run(*(dossier(n, NguoiGioiThieu=PERSON) for n in range(2, 9)), dossier(9, Them={"so": 12}))
    world = feed.run(dossier(10, NguoiGioiThieu=5), dossier(11, Them={"so": 12}))
    said = "new fields that no specification knows, kept in landing only: NguoiGioiThieu (string), Them (object)"
    assert messages(world) == [None, said, None]
    batch = world.one("select batch_id from ops.load_batch where message = %s", said)
    assert world.rows(FIELDS) == [
        ("NguoiGioiThieu", ["integer", "string"], ["x xxxx xxxx 9999999999"] * 3, batch),
        ("Them", ["object"], ['{"xx":99}'] * 2, batch),
    ]
    raw = str(world.rows("select to_jsonb(d) from raw.one_stop_dossier d"))
    assert "Moan" not in raw and "gioi_thieu" not in raw.lower()
    assert not any(b"Moan" in p.read_bytes() for p in (world.folder / ".local/landing").rglob("*") if p.is_file())


def test_a_retyped_required_field_refuses_the_delivery_with_a_listing(feed: Feed) -> None:
    world = feed.run(dossier(1))
    changed = [dossier(n, KenhThucHien={"ma": PERSON}, MaKenh="2") for n in range(2, 5)]
    for record in changed:
        del record["DonViXuLy"]
    with pytest.raises(DataRefused) as caught:
        feed.run(*changed)
    for words in (
        "the required field DonViXuLy is absent from every record (3 records)",
        "KenhThucHien changed its type in every record that has it: expected string or integer, found object in 3 of 3",
        "fields that no specification knows: MaKenh (string)",
    ):
        assert words in caught.value.message
    assert "Moan" not in caught.value.message
    assert messages(world)[1] == caught.value.message
    assert world.ledger()[1] == ("refused", 3, 0, 0, 0, 3)
    assert world.rows(FIELDS) == []  # said with the refusal; the first batch that is loaded keeps it


def test_one_record_as_before_leaves_the_others_to_the_rules(feed: Feed) -> None:
    feed.run(dossier(1))
    assert feed.run(dossier(2, KenhThucHien=["2"]), dossier(3)).ledger()[1] == ("loaded", 2, 1, 1, 0, 0)


def test_whole_numbers_in_place_of_text_are_read_as_their_digits(feed: Feed) -> None:
    world = feed.run(dossier(1, KenhThucHien=2, TrangThaiHoSo=10))
    assert world.ledger() == [("loaded", 1, 1, 0, 0, 0)]
    assert world.one("select kenh_thuc_hien from raw.one_stop_dossier") == "2"


def test_a_new_column_of_a_file_is_said_once(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onestop.sources.portal_export.SECONDS_BETWEEN_LOOKS", 0.01)
    world = make_world(tmp_path, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)
    file = world.settings.file
    file.write_text(file.read_text() + "  - {id: dvcqg, kind: portal_export, path: exports}\n")
    settings = config.load(file)
    ingest_reference(settings, as_of=AS_OF)
    (tmp_path / "exports").mkdir()
    for month in (7, 8):
        name = file_name("HoSo", "H15", date(2024, month, 1), date(2024, month, 31))
        rows = [dossier_row(dossier(month), 1)]
        write_xlsx(tmp_path / "exports" / name, "HoSo", rows, Dirt(extra_columns={"Người nộp": PERSON}))
    assert ingest(settings, "dvcqg", as_of=AS_OF).received == 2
    said = [m for (m,) in world.rows("select message from ops.load_batch where source_id = 'dvcqg' order by batch_id")]
    assert said == ["new fields that no specification knows, kept in landing only: Người nộp (string)", None]
    assert world.rows(FIELDS)[0][:3] == ("Người nộp", ["string"], ["x xxxx xxxx 9999999999"] * 2)
