"""The way back from quarantine: corrected by the next delivery, judged again, decided on by people; over real protocols."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from python_calamine import CalamineWorkbook

from onestop import config
from onestop.crypto import DataKeys
from onestop.errors import ConfigurationError
from onestop.pipeline.ingest import ingest
from onestop.pipeline.quarantine_export import export, listing
from onestop.pipeline.quarantine_replay import Wanted, replay
from onestop.pipeline.reference import ingest_reference
from onestop.quality.quarantine_status import Selection, dismiss, reopen
from onestop.sandbox.portal_files import dossier_row, file_name, write_xlsx
from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
LATER = AS_OF + timedelta(days=1)
NEW_UNIT = "H15.88"
STATUSES = "select record_key, version, status from quarantine.rejected_row order by record_key nulls last, version"
EVENTS = (
    "select record_key, event, status_before, status_after, by_whom, e.batch_id from quarantine.row_event e"
    " join quarantine.rejected_row using (rejected_id) order by event_id"
)


def key(number: int) -> str:
    return f"H15.07-240823-{number:04d}"


class Place:
    """A world with a one-stop system and a folder of the portal's exports; what they deliver is changed between runs."""

    def __init__(self, folder: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = OneStopServer([], CLIENT, SECRET).start()
        self.exports = folder / "exports"
        self.exports.mkdir()
        self.world = make_world(folder, warehouse, {"igate": self.server.url}, monkeypatch)
        file = self.world.settings.file
        file.write_text(file.read_text() + "  - {id: dvcqg, kind: portal_export, path: exports, quarantine_limit: 1}\n")
        self.world = World(folder, warehouse, config.load(file))
        monkeypatch.setattr("onestop.sources.portal_export.SECONDS_BETWEEN_LOOKS", 0.01)
        ingest_reference(self.world.settings, as_of=AS_OF)

    def deliver(self, *records: dict[str, Any], as_of: datetime = AS_OF) -> tuple[Any, ...]:
        self.server.feed.commit(records)
        done = ingest(self.world.settings, "igate", as_of=as_of)
        return (done.state, done.received, done.accepted, done.quarantined, done.duplicate)

    def export(self, *rows: dict[str, Any], word: str = "HoSo", last: int = 31, version: int = 1) -> None:
        path = self.exports / file_name(word, "H15", date(2024, 8, 1), date(2024, 8, last), version)
        write_xlsx(path, word, rows)

    def take_files(self, as_of: datetime = AS_OF) -> tuple[Any, ...]:
        done = ingest(self.world.settings, "dvcqg", as_of=as_of)
        return (done.state, done.received, done.accepted, done.quarantined, done.duplicate)

    def add_unit(self, code: str = NEW_UNIT, as_of: datetime = AS_OF) -> None:
        with (self.world.folder / "reference/agencies.csv").open("a", encoding="utf-8", newline="") as out:
            csv.writer(out).writerow([code, "Sở Mới", "", "department", "H15", "", "2000-01-01", ""])
        ingest_reference(self.world.settings, as_of=as_of)

    def replay(self, **wanted: Any) -> list[tuple[Any, ...]]:
        found = replay(self.world.settings, as_of=LATER, wanted=Wanted(**wanted))
        return [(r.source_id, r.judged, r.replayed, r.corrected, r.still_open) for r in found]


@pytest.fixture
def place(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    made = Place(tmp_path, warehouse, monkeypatch)
    yield made
    made.server.stop()


def test_the_next_delivery_corrects_a_row(place: Place) -> None:
    old, same = "20240829100000", "20240829110000"
    place.deliver(
        dossier(1, NgayCapNhat=old, KenhThucHien="9"),
        dossier(2, NgayCapNhat=old, TrangThaiHoSo="11"),
        dossier(3, MaHoSo="", NgayCapNhat=old),
        dossier(4, NgayCapNhat=same, KenhThucHien="9"),
        dossier(5, NgayCapNhat="20240829120000", KenhThucHien="9"),
        dossier(6, NgayCapNhat=old, KenhThucHien="9"),
    )
    # As if NgayCapNhat could not be read: whatever comes after it is later.
    place.world.rows("update quarantine.rejected_row set version = null where record_key = %s returning 1", key(6))
    # 1 comes right; 2 comes again, as wrong as before; 4 comes right under the same version; of 5 an older version comes.
    done = place.deliver(
        dossier(1, MaHoSo=f" {key(1).lower()}", NgayCapNhat="20240830100000"),
        dossier(2, NgayCapNhat="20240830100000", TrangThaiHoSo="12"),
        dossier(4, NgayCapNhat=same),
        dossier(5, NgayCapNhat="20240829115959"),
        dossier(6, NgayCapNhat="20240829113000"),
        as_of=LATER,
    )
    assert done == ("loaded", 7, 4, 1, 2)  # 4 and 5 lie in the overlap
    assert place.world.rows(STATUSES) == [
        (key(1), old, "replayed"),
        (key(2), old, "open"),
        (key(2), "20240830100000", "open"),
        (key(4), same, "replayed"),
        (key(5), "20240829120000", "open"),
        (key(6), None, "replayed"),
        (None, old, "open"),
    ]
    second = place.world.one("select max(batch_id) from ops.load_batch")
    assert sorted(place.world.rows(EVENTS)) == [
        (key(1), "corrected", "open", "replayed", "onestop", second),
        (key(4), "corrected", "open", "replayed", "onestop", second),
        (key(6), "corrected", "open", "replayed", "onestop", second),
    ]
    assert place.world.one("select min(happened_at) from quarantine.row_event") == LATER


def test_within_one_delivery_the_later_place_and_version_correct(place: Place) -> None:
    at = "20240829100000"
    place.deliver(
        dossier(1, NgayCapNhat=at, KenhThucHien="9"),
        dossier(1, NgayCapNhat=at),  # after it: corrects
        dossier(2, NgayCapNhat=at),
        dossier(2, NgayCapNhat=at, KenhThucHien="9"),  # after its good twin: nothing corrects it
        dossier(3, NgayCapNhat=at, KenhThucHien="9"),
        {"MaHoSo": key(3), "DaXoa": "1", "NgayCapNhat": "20240830000000"},  # deleted since: moot
    )
    assert [s for *_, s in place.world.rows(STATUSES)] == ["replayed", "open", "replayed"]


def test_a_change_of_reference_data_brings_rows_back(place: Place) -> None:
    bad = [
        dossier(n, DonViXuLy=NEW_UNIT, TrichYeuHoSo="Riêng tư", DanhSachXinLoi=[{"LyDo": "Lời riêng"}]) for n in (1, 2)
    ]
    worse = dossier(3, DonViXuLy=NEW_UNIT, KenhThucHien="9")
    future = dossier(
        5, NgayKetThucXuLy="20240925090001"
    )  # ends an hour and a second from now: a replay comes a day later
    place.deliver(*bad, worse, dossier(4), future)
    assert place.replay() == [("igate", 4, 0, 0, 4)], "time alone heals no row"
    assert place.replay() == [("igate", 0, 0, 0, 4)], "the same rules and reference data say the same"
    place.add_unit()
    assert place.replay() == [("igate", 4, 2, 0, 2)]
    assert place.replay() == [("igate", 0, 0, 0, 2)], "twice is once"
    first, again = place.world.rows(
        "select batch_id, origin, replays_batch_id, state, received, accepted, quarantined, duplicate, refused,"
        " accepted_at, is_first_load, reached_end from ops.load_batch where source_id = 'igate' order by 1"
    )
    assert again[1:] == (
        f"replay of quarantine: batch {first[0]}", first[0], "loaded", 4, 2, 0, 2, 0, LATER, False, False,
    )  # fmt: skip
    assert place.world.rows("select ma_ho_so, row_number, batch_id from raw.one_stop_dossier order by 1") == [
        (key(1), 1, again[0]), (key(2), 2, again[0]), (key(4), 4, first[0]),
    ]  # fmt: skip
    assert place.world.rows("select rule_ids, status from quarantine.rejected_row order by 1") == [
        (["OS-004"], "open"), (["OS-008"], "open"), (["OS-011"], "replayed"), (["OS-011"], "replayed"),
    ]  # fmt: skip
    assert place.world.rows("select event, rule_ids_before, rule_ids_after from quarantine.row_event order by 1") == [
        ("rejudged", ["OS-004", "OS-011"], ["OS-004"]), ("replayed", ["OS-011"], []), ("replayed", ["OS-011"], []),
    ]  # fmt: skip
    assert place.world.one("select so_dinh_danh_hash from raw.one_stop_dossier where ma_ho_so = %s", key(1))
    shown = str(place.world.rows("select * from raw.one_stop_dossier, quarantine.row_event"))
    assert "riêng" not in shown.lower()
    assert place.deliver() == ("duplicate", 5, 0, 0, 5), "served again it is a duplicate, whatever its first verdict"


def test_overtaken_rows_become_history_and_late_old_ones_are_closed(place: Place) -> None:
    place.deliver(
        dossier(1, DonViXuLy=NEW_UNIT, NgayCapNhat="20240829100000"), dossier(2, NgayCapNhat="20240830100000")
    )
    place.deliver(dossier(1, NgayCapNhat="20240830100000"), dossier(2, KenhThucHien="9", NgayCapNhat="20240830093000"))
    assert [s for *_, s in place.world.rows(STATUSES)] == ["replayed", "open"]
    place.add_unit()
    assert place.replay() == [("igate", 2, 1, 1, 0)]
    versions = place.world.rows("select ngay_cap_nhat from raw.one_stop_dossier where ma_ho_so = %s order by 1", key(1))
    assert versions == [("20240829100000",), ("20240830100000",)]
    assert place.replay() == [("igate", 0, 0, 0, 0)]


def test_a_replay_that_is_killed_leaves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.deliver(dossier(1, DonViXuLy=NEW_UNIT), dossier(2))
    place.add_unit()
    with monkeypatch.context() as patch:
        patch.setattr("onestop.pipeline.quarantine_replay.settle_all", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            place.replay()
    assert place.world.one("select count(*) from raw.one_stop_dossier") == 1
    assert place.world.one("select count(*) from quarantine.row_event") == 0
    assert place.replay() == [("igate", 1, 1, 0, 0)]


def test_only_what_was_asked_for_is_judged(place: Place) -> None:
    place.deliver(dossier(1, DonViXuLy=NEW_UNIT), dossier(2, KenhThucHien="9"), dossier(3))
    place.add_unit()
    assert place.replay(rule_id="OS-004") == [("igate", 1, 0, 0, 2)]
    assert place.replay(source_id="dvcqg") == []
    with pytest.raises(ConfigurationError, match="there is no source lgsp"):
        place.replay(source_id="lgsp")
    (first, second) = (n for (n,) in place.world.rows("select rejected_id from quarantine.rejected_row order by 1"))
    assert place.replay(row_ids=[second]) == [("igate", 1, 0, 0, 2)], "a row that is named is judged once more"
    assert place.replay(row_ids=[first]) == [("igate", 1, 1, 0, 1)]
    with pytest.raises(ConfigurationError, match=f"no open rejected row has the number {first}"):
        place.replay(row_ids=[first])


def test_a_damaged_payload_is_said_and_stays(place: Place) -> None:
    place.deliver(dossier(1, DonViXuLy=NEW_UNIT), dossier(2, DonViXuLy=NEW_UNIT))
    sealed = json.dumps({"encrypted": DataKeys(["a data key for tests only"]).encrypt_text("x", "another purpose")})
    place.world.rows(
        "update quarantine.rejected_row set payload = payload || jsonb_build_object('ChuHoSo', %s::jsonb)"
        " where record_key = %s returning 1", sealed, key(1),
    )  # fmt: skip
    place.add_unit()
    (result,) = replay(place.world.settings, as_of=LATER)
    assert (result.judged, result.replayed, result.unreadable, result.still_open) == (1, 1, 1, 1)


def test_the_portals_rows_go_back_into_every_file_that_holds_them(place: Place) -> None:
    good, bad = dossier_row(dossier(1), 1), dossier_row(dossier(2, DonViXuLy=NEW_UNIT), 2)
    place.export(good, bad)
    assert place.take_files() == ("loaded", 2, 1, 1, 0)
    place.export(bad | {"STT": 1}, good | {"STT": 2}, version=2)  # the same rows, the other way round
    assert place.take_files() == ("duplicate", 2, 0, 0, 2)
    place.add_unit()
    assert place.replay() == [("dvcqg", 1, 1, 0, 0)]
    held = "select f.version, d.ma_ho_so, d.row_number from raw.portal_dossier d join ops.portal_file f using (file_id)"
    assert place.world.rows(f"{held} order by 1, 2") == [(1, key(1), 2), (1, key(2), 3), (2, key(1), 3), (2, key(2), 2)]
    ledger = place.world.ledger("dvcqg")
    assert sorted(ledger[2:]) == [("loaded", 1, 0, 0, 1, 0), ("loaded", 1, 1, 0, 0, 0)]
    place.export(bad, good, dossier_row(dossier(3), 3), version=3)
    assert place.take_files() == ("loaded", 3, 1, 0, 2)
    assert place.world.rows(f"{held} where f.version = 3 order by 2") == [
        (3, key(1), 3), (3, key(2), 2), (3, key(3), 4),
    ]  # fmt: skip


def payment(code: str, amount: str = "1.000") -> dict[str, Any]:
    return {
        "Mã giao dịch": code, "Mã hồ sơ": key(1), "Số tiền": amount, "Hình thức": "Trực tuyến",
        "Trạng thái": "Thành công", "Ngày thanh toán": "24/08/2024",
    }  # fmt: skip


def test_uniqueness_is_judged_in_the_newest_file_that_holds_the_row(place: Place) -> None:
    place.export(payment("GD1"), payment("GD2"), payment("GD2", "2.000"), word="ThanhToan")
    assert place.take_files() == ("loaded", 3, 1, 2, 0)
    assert place.replay() == [("dvcqg", 2, 0, 0, 2)]
    place.export(
        payment("GD1"), payment("GD2"), word="ThanhToan", version=2
    )  # one of the two is gone: it was the wrong one
    assert place.take_files() == ("duplicate", 2, 0, 0, 2)
    assert place.replay() == [("dvcqg", 1, 1, 1, 0)]
    held = (
        "select f.version, p.ma_giao_dich, p.so_tien from raw.portal_payment p join ops.portal_file f using (file_id)"
    )
    assert place.world.rows(f"{held} order by 1, 2") == [(1, "GD1", "1000"), (2, "GD1", "1000"), (2, "GD2", "1000")]


def test_a_later_file_corrects_a_row(place: Place) -> None:
    place.export(dossier_row(dossier(1, DonViXuLy="H15.99"), 1), dossier_row(dossier(2), 2), last=30)
    place.take_files()
    place.export(dossier_row(dossier(1), 1), last=31)
    assert place.take_files() == ("loaded", 1, 1, 0, 0)
    assert place.world.rows(STATUSES) == [(key(1), "20240830235959", "replayed")]


def test_people_dismiss_and_reopen_with_name_and_reason(place: Place) -> None:
    place.deliver(dossier(1, DonViXuLy=NEW_UNIT), dossier(2, KenhThucHien="9"))
    first, second = (n for (n,) in place.world.rows("select rejected_id from quarantine.rejected_row order by 1"))
    said = {"by_whom": "Trần Thị B", "reason": "test records of the vendor", "at": LATER}
    with psycopg.connect(place.world.dsn, autocommit=True) as connection:
        with pytest.raises(ConfigurationError, match="a reason has 5 to 500"):
            dismiss(connection, [first], **{**said, "reason": " why "})
        with pytest.raises(ConfigurationError, match="who decides"):
            dismiss(connection, [first], **{**said, "by_whom": " "})
        with pytest.raises(ConfigurationError, match="no rejected row that is open has the number 999"):
            dismiss(connection, [first, 999], **said)
        assert place.world.one("select count(*) from quarantine.row_event") == 0
        dismiss(connection, [first], **said)
        with pytest.raises(ConfigurationError, match="no rejected row that is dismissed"):
            reopen(connection, [second], **said)
        place.add_unit()
        assert place.replay() == [("igate", 1, 0, 0, 1)], "what was dismissed is not judged"
        reopen(connection, [first], **said)
        with pytest.raises(psycopg.errors.RaiseException, match="append-only"):
            connection.execute("delete from quarantine.row_event")
    assert place.replay() == [("igate", 1, 1, 0, 1)]
    assert [row[:5] for row in place.world.rows(EVENTS)] == [
        (key(1), "dismissed", "open", "dismissed", "Trần Thị B"),
        (key(1), "reopened", "dismissed", "open", "Trần Thị B"),
        (key(1), "replayed", "open", "replayed", "onestop"),
    ]


def test_what_waits_is_listed_and_exported_by_unit_without_personal_data(place: Place) -> None:
    secret = "Y Moan 0905123456"
    personal = {"ChuHoSo": secret, "TrichYeuHoSo": secret, "LaLung": secret}
    place.deliver(
        dossier(1, KenhThucHien="9", **personal),
        dossier(2, KenhThucHien="9", TrangThaiHoSo="0", DonViXuLy="H15.21.01", **personal),
        dossier(3, MaHoSo=secret, DonViXuLy="H15.99", **personal),
    )
    place.export(dossier_row(dossier(4), 1) | {"Kênh nộp": "Qua bưu tá"})
    place.take_files()
    settings = place.world.settings
    week = AS_OF + timedelta(days=7)
    found = listing(settings, Selection(), as_of=week)
    assert (found.total, found.oldest_days) == (4, 7)
    assert found.by_rule == {"OS-004": 2, "OS-001": 1, "OS-003": 1, "OS-011": 1, "PT-004": 1}
    assert found.by_unit == {"H15.07": 2, "?": 1, "H15.21.01": 1}
    assert {row.code for row in found.rows} == {key(1), key(2), key(4), "x xxxx 9999999999"}
    assert [row.place for row in found.rows if row.source == "dvcqg"] == [
        "DVCQG_HoSo_H15_20240801_20240831.xlsx, sheet Dữ liệu, row 2"
    ]
    for wanted, total in (
        (Selection(source_id="dvcqg"), 1), (Selection(unit="?"), 1), (Selection(unit="H15.07", rule_id="OS-004"), 1),
        (Selection(entity="payment"), 0), (Selection(days=8), 0), (Selection(days=7), 4), (Selection(status="any"), 4),
        (Selection(status="dismissed"), 0),
    ):  # fmt: skip
        assert listing(settings, wanted, as_of=week).total == total, wanted
    assert len(listing(settings, Selection(), as_of=week, limit=1).rows) == 1

    folder = place.world.folder / "to-correct"
    done = export(settings, Selection(), output=folder, as_of=week)
    assert {(one.unit, one.path.name, one.rows) for one in done} == {
        ("?", "khong-ro-don-vi.xlsx", 1), ("H15.07", "H15.07.xlsx", 2), ("H15.21.01", "H15.21.01.xlsx", 1),
    }  # fmt: skip
    assert sorted(path.name for path in folder.iterdir()) == sorted(one.path.name for one in done)
    shown = ""
    for one in done:
        book = CalamineWorkbook.from_path(str(one.path))
        shown += str([book.get_sheet_by_name(name).to_python() for name in book.sheet_names])
    assert "Moan" not in shown and "0905123456" not in shown and "Moan" not in str(found)
    for words in (
        "Sở Tư pháp (H15.07)",
        "Kênh nộp: Qua bưu tá",
        "Kênh thực hiện: 9",
        "Đơn vị xử lý: H15.99",
        "Dữ liệu",
    ):
        assert words in shown, words
    assert [one.unit for one in export(settings, Selection(unit="H15.07"), output=folder, as_of=week)] == ["H15.07"]
