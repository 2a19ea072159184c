"""One source's way into the warehouse, over HTTP, into a real PostgreSQL."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import fake_one_stop
from onestop.errors import DataRefused, OnestopError, SourceUnavailable
from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world

pytestmark = [pytest.mark.integration, pytest.mark.every_server]


class Feed:
    """A world with one source whose records a test replaces between runs."""

    def __init__(self, folder: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._dsn, self._monkeypatch = folder, warehouse, monkeypatch
        self.world: World | None = None

    def run(self, *records: dict[str, Any], **options: Any) -> World:
        with OneStopServer(records, CLIENT, SECRET) as server:
            known = self.world is not None
            self.world = make_world(self._folder, self._dsn, {"igate": server.url}, self._monkeypatch)
            if not known:
                ingest_reference(self.world.settings, as_of=AS_OF)
            ingest(self.world.settings, "igate", as_of=options.pop("as_of", AS_OF), **options)
        return self.world


@pytest.fixture
def feed(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Feed:
    return Feed(tmp_path, warehouse, monkeypatch)


def test_good_rows_go_to_raw_and_bad_ones_to_quarantine(feed: Feed) -> None:
    world = feed.run(dossier(1), dossier(2, KenhThucHien="9", TrangThaiHoSo="x", TenTTHC="V¨n phßng"), dossier(3))
    assert world.ledger() == [("loaded", 3, 2, 1, 0, 0)]
    assert world.rows("select row_number, ma_ho_so, warning_ids from raw.one_stop_dossier order by 1") == [
        (1, "H15.07-240823-0001", None),
        (3, "H15.07-240823-0003", None),
    ]
    ((row, key, rules, warnings, payload, status, agency),) = world.rows(
        "select row_number, record_key, rule_ids, warning_ids, payload, status, agency_code from quarantine.rejected_row"
    )
    assert (row, key, rules, warnings) == (2, "H15.07-240823-0002", ["OS-003", "OS-004"], ["OS-017"])
    assert (status, agency, payload["KenhThucHien"]) == ("open", "H15.07", "9")
    assert set(payload["ChuHoSo"]) == {"encrypted"} and "Thử" not in json.dumps(payload, ensure_ascii=False)
    assert world.one("select failed from ops.rule_result where rule_id = 'OS-004'") == 1
    assert world.one("select checked from ops.rule_result where rule_id = 'OS-012'") == 3


def test_repaired_codes_are_recorded_once(feed: Feed) -> None:
    """Counted of what went to raw or quarantine; a duplicate was counted when it first came."""
    dirty = [
        dossier(1, DonViXuLy=" h15.07 "),
        dossier(2, MaHoSo="h15.07-240823 -0002"),
        dossier(3, MaHoSo="x y", DaXoa="1"),
    ]
    world = feed.run(*dirty, dossier(4))
    assert world.ledger() == [("loaded", 4, 3, 1, 0, 0)]
    expected = [
        ("DonViXuLy", "trimmed", 1, [{"before": " h15.07 ", "after": "H15.07"}]),
        ("DonViXuLy", "upper case", 1, [{"before": " h15.07 ", "after": "H15.07"}]),
        ("MaHoSo", "inner blanks removed", 2, [
            {"before": "h15.07-240823 -0002", "after": "H15.07-240823-0002"}, {"before": "x y", "after": "XY"},
        ]),
        ("MaHoSo", "upper case", 2, [
            {"before": "h15.07-240823 -0002", "after": "H15.07-240823-0002"}, {"before": "x y", "after": "XY"},
        ]),
    ]  # fmt: skip
    query = "select field, kind, codes, examples from ops.code_repair order by batch_id, 1, 2"
    assert world.rows(query) == expected
    assert "codes repaired (DonViXuLy: trimmed 1" in world.one(
        "select message from ops.load_batch where entity = 'dossier'"
    )
    feed.run(*dirty, dossier(4))
    assert world.rows(query) == expected


def test_personal_data_stay_outside(feed: Feed) -> None:
    secret = "Bí mật của ông Y Moan 0905123456"
    record = dossier(
        1, ChuHoSo=secret, SoDienThoai=secret, Email=secret, DiaChi=secret, TrichYeuHoSo=secret, LaLung=secret,
        DanhSachHoSoBoSung=[{"NgayBoSung": "20240824000000", "NoiDungBoSung": secret}],
        DanhSachXinLoi=[{"NgayXinLoi": "20240824000000", "LyDo": secret}],
    )  # fmt: skip
    world = feed.run(record, {**record, "MaHoSo": "bad"})
    dump = str(world.rows("select * from raw.one_stop_dossier")) + str(
        world.rows("select * from quarantine.rejected_row")
    )
    assert "0905123456" not in dump and "Y Moan" not in dump
    assert world.one("select danh_sach_xin_loi::text from raw.one_stop_dossier") == '[{"NgayXinLoi": "20240824000000"}]'
    assert len(world.one("select so_dinh_danh_hash from raw.one_stop_dossier")) == 32
    landed = [p.read_bytes() for p in (world.folder / ".local/landing").rglob("*") if p.is_file()]
    assert landed and not any(b"Moan" in content for content in landed)


def test_the_same_delivery_again_changes_nothing(feed: Feed) -> None:
    records = [dossier(n, **({"KenhThucHien": "9"} if n == 7 else {})) for n in range(1, 60)]
    feed.run(*records)
    world = feed.run(*records)
    assert world.ledger() == [("loaded", 59, 58, 1, 0, 0), ("duplicate", 59, 0, 0, 59, 0)]
    assert world.one("select count(*) from raw.one_stop_dossier") == 58
    assert world.one("select count(*) from quarantine.rejected_row") == 1
    assert world.one("select cursor from ops.source_cursor") == records[-1]["NgayCapNhat"]


def test_a_later_run_overlaps_and_takes_late_commits(feed: Feed) -> None:
    first = [dossier(1, NgayCapNhat="20240829100000"), dossier(2, NgayCapNhat="20240829110000")]
    feed.run(*first)
    late = dossier(3, NgayCapNhat="20240829100001")
    too_late = dossier(4, NgayCapNhat="20240829095959")
    world = feed.run(*first, late, too_late)
    assert world.ledger()[1] == ("loaded", 3, 1, 0, 2, 0)
    assert world.one("select origin from ops.load_batch order by batch_id desc limit 1").startswith("[20240829100000, ")


def test_two_contents_of_one_version_the_later_wins(feed: Feed) -> None:
    world = feed.run(dossier(1, NgayCapNhat="20240829100000"))
    world = feed.run(dossier(1, NgayCapNhat="20240829100000"), dossier(1, NgayCapNhat="20240829100000", MucDo="3"))
    assert world.ledger()[1] == ("loaded", 2, 1, 0, 1, 0)
    assert world.one("select warning_ids from raw.one_stop_dossier where muc_do = '3'") == ["OS-015"]


def test_a_record_changed_after_as_of_is_left_out_and_moves_no_cursor(feed: Feed) -> None:
    later = dossier(2, NgayCapNhat="20240925080001")
    world = feed.run(dossier(1), later)
    assert world.ledger() == [("loaded", 1, 1, 0, 0, 0)]  # the range ends at as-of + 1 s: not even served
    assert world.one("select cursor from ops.source_cursor") == dossier(1)["NgayCapNhat"]
    at_as_of = dossier(3, NgayCapNhat="20240925080000")
    assert feed.run(dossier(1), later, at_as_of).one("select cursor from ops.source_cursor") == "20240925080000"


def test_a_source_that_serves_the_future_all_the_same_is_refused_it_record_by_record(
    tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that does not look at updated_to: what changed after as-of is counted, not loaded, and comes again."""
    with fake_one_stop.OneStopServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.records = [
            dossier(1),
            dossier(2, NgayCapNhat="20240925080001"),
            dossier(3, NgayCapNhat="20990101000000"),
        ]
        world = make_world(tmp_path, warehouse, {"igate": server.url}, monkeypatch)
        monkeypatch.setenv("IGATE_CLIENT_ID", fake_one_stop.CLIENT_ID)
        monkeypatch.setenv("IGATE_CLIENT_SECRET", fake_one_stop.CLIENT_SECRET)
        ingest_reference(world.settings, as_of=AS_OF)
        ingest(world.settings, "igate", as_of=AS_OF)
        ingest(world.settings, "igate", as_of=AS_OF + timedelta(hours=1))
        server.shutdown()
        thread.join()
    assert world.ledger() == [("loaded", 3, 1, 0, 0, 2), ("loaded", 3, 1, 0, 1, 1)]
    assert world.rows("select ma_ho_so from raw.one_stop_dossier order by 1") == [
        ("H15.07-240823-0001",),
        ("H15.07-240823-0002",),
    ]
    assert world.one("select cursor from ops.source_cursor") == "20240925080001"


def test_records_with_the_very_time_stamp_of_the_cursor_are_not_missed(
    tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without any overlap: the range starts at the cursor, included."""
    stamp = {"NgayCapNhat": "20240829100000"}
    for records in ([dossier(1, **stamp)], [dossier(n, **stamp) for n in range(1, 30)]):
        with OneStopServer(records, CLIENT, SECRET) as server:
            world = make_world(
                tmp_path, warehouse, {"igate": server.url}, monkeypatch, options="overlap_minutes: 0, page_size: 7"
            )
            ingest_reference(world.settings, as_of=AS_OF)
            ingest(world.settings, "igate", as_of=AS_OF)
    assert world.ledger() == [("loaded", 1, 1, 0, 0, 0), ("loaded", 29, 28, 0, 1, 0)]


def test_deletes_are_judged_by_their_code_alone(feed: Feed) -> None:
    world = feed.run(dossier(1), {"MaHoSo": "H15.07-240823-0001", "DaXoa": "1", "NgayCapNhat": "20240830000000"})
    assert world.ledger() == [("loaded", 2, 2, 0, 0, 0)]


@pytest.mark.parametrize(("bad", "refused"), [(5, False), (6, True)])
def test_more_bad_rows_than_the_limit_refuse_the_batch(feed: Feed, bad: int, refused: bool) -> None:
    world = feed.run(dossier(1))
    records = [
        dossier(n, **({"KenhThucHien": "9", "TrangThaiHoSo": "0"} if n < 1000 + bad else {})) for n in range(1000, 1100)
    ]
    if not refused:
        assert feed.run(dossier(1), *records).ledger()[1] == ("loaded", 101, 95, 5, 1, 0)
        return
    with pytest.raises(DataRefused, match=r"6 of 100 rows fail \(6.0%\).*OS-003 6 rows, OS-004 6 rows"):
        feed.run(dossier(1), *records)
    assert world.ledger()[1] == ("refused", 101, 0, 0, 0, 101)
    assert world.one("select count(*) from raw.one_stop_dossier") == 1
    assert world.one("select count(*) from quarantine.rejected_row") == 0
    assert world.one("select cursor from ops.source_cursor") == dossier(1)["NgayCapNhat"]


def test_under_a_hundred_records_the_limit_is_not_judged(feed: Feed) -> None:
    assert feed.run(*(dossier(n, KenhThucHien="9") for n in range(1, 100))).ledger() == [("loaded", 99, 0, 99, 0, 0)]


def test_an_empty_first_load_is_refused(feed: Feed) -> None:
    with pytest.raises(DataRefused, match="no records came where some were due"):
        feed.run()
    assert feed.world and feed.world.ledger() == [("refused", 0, 0, 0, 0, 0)]


def test_an_overlap_that_returns_nothing_is_refused(feed: Feed) -> None:
    feed.run(dossier(1))
    with pytest.raises(DataRefused, match="no records came"):
        feed.run()


def test_as_of_before_the_cursor_asks_for_nothing(feed: Feed) -> None:
    feed.run(dossier(1))
    world = feed.run(dossier(1), as_of=AS_OF.replace(month=8, day=1))
    assert world.ledger()[1] == ("loaded", 0, 0, 0, 0, 0)


def test_a_required_field_absent_from_every_record_stops_the_batch(feed: Feed) -> None:
    with pytest.raises(DataRefused, match="required field KenhThucHien is absent from every record"):
        feed.run(*({k: v for k, v in dossier(n).items() if k != "KenhThucHien"} for n in (1, 2)))


def test_without_reference_data_nothing_is_asked(
    tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(tmp_path, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)
    with pytest.raises(OnestopError, match="no reference data"):
        ingest(world.settings, "igate", as_of=AS_OF)


def test_a_source_that_is_down_leaves_a_failed_row_and_nothing_else(feed: Feed) -> None:
    world = feed.run(dossier(1))
    down = make_world(
        world.folder, world.dsn, {"igate": "http://127.0.0.1:9"}, feed._monkeypatch, options="retry_budget_seconds: 0"
    )
    with pytest.raises(SourceUnavailable, match="igate"):
        ingest(down.settings, "igate", as_of=AS_OF)
    assert world.ledger()[1] == ("failed", 0, 0, 0, 0, 0)


def test_a_landed_run_can_be_replayed_without_the_source(feed: Feed) -> None:
    world = feed.run(*(dossier(n) for n in range(1, 30)))
    path = world.one("select landing_path from ops.load_batch where source_id = 'igate'")
    before = world.rows("select ma_ho_so, ngay_cap_nhat, content_hash from raw.one_stop_dossier order by 1")
    world.rows("with gone as (delete from raw.one_stop_dossier returning 1) select count(*) from gone")
    result = ingest(world.settings, "igate", as_of=AS_OF, replay_from=path)
    assert (result.received, result.accepted) == (29, 29)
    assert world.rows("select ma_ho_so, ngay_cap_nhat, content_hash from raw.one_stop_dossier order by 1") == before
    assert ingest(world.settings, "igate", as_of=AS_OF, replay_from=path).duplicate == 29


def test_a_mistaken_reference_file_is_refused_whole_with_its_lines(feed: Feed) -> None:
    world = feed.run(dossier(1))
    path = world.folder / "reference" / "agencies.csv"
    path.write_text(path.read_text() + "H15.30,Xã A,,commune,H15.99,,2000-13-01,\nH15.31,,,village,,,,\n")
    with pytest.raises(DataRefused) as caught:
        ingest_reference(world.settings, as_of=AS_OF)
    for words in ("agencies.csv", "line 6", "2000-13-01", "line 7: name_vi is empty", "village"):
        assert words in caught.value.message
    assert world.one("select count(*) from raw.agency") == 4
    assert world.ledger("reference")[-2:] == [("refused", 6, 0, 0, 0, 6), ("duplicate", 2, 0, 0, 2, 0)]
