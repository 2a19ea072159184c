"""One province with a source of every kind: API, SQL, the portal's files, feedback, each over its real protocol."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from every_kind import FIRST, LAST, Province, case
from onestop import config
from onestop.errors import DataRefused
from onestop.pipeline.ingest import ingest
from onestop.sandbox.portal_files import file_name, write_csv, write_manifest, write_xlsx
from onestop.sandbox.server import OneStopServer
from onestop.sandbox.sql_source import write_table
from worlds import AS_OF, CLIENT, SECRET, World, dossier

pytestmark = pytest.mark.integration


@pytest.fixture
def province(
    tmp_path: Path, warehouse: str, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Province]:
    made = Province(tmp_path, warehouse, empty_database, monkeypatch)
    yield made
    made.stop()


def test_a_database_is_read_like_the_api(province: Province) -> None:
    old = [dossier(n, NgayCapNhat=f"20240828{n:06d}") for n in range(1, 10)]
    records = old + [dossier(n) for n in range(10, 30)] + [dossier(30, KenhThucHien="9")]
    write_table(province.foreign, records)
    assert province.run("treasury") == ("loaded", 30, 29, 1, 0, 0)
    with OneStopServer(records, CLIENT, SECRET) as server:
        text = province.world.settings.file.read_text().replace(province.api.url, server.url)
        province.world.settings.file.write_text(text)
        province.world = World(province.folder, province.world.dsn, config.load(province.world.settings.file))
        assert province.run("igate") == ("loaded", 30, 29, 1, 0, 0)
    columns = "ma_ho_so, ma_tthc, don_vi_xu_ly, ngay_tiep_nhan, ngay_hen_tra, ngay_cap_nhat, trang_thai_ho_so"
    query = f"select {columns} from raw.one_stop_dossier where source_id = %s order by 1"
    assert province.world.rows(query, "treasury") == province.world.rows(query, "igate")
    write_table(province.foreign, [*records, dossier(31, NgayCapNhat="20240830000000")])
    state, received, accepted, *_ = province.run("treasury")
    assert (state, received, accepted) == ("loaded", 22, 1)  # the overlap of 60 minutes, not the whole table


def test_feedback_comes_with_its_times_read_right(province: Province) -> None:
    state, received, accepted, quarantined, duplicate, refused = province.run("pakn")  # pages overlap: nothing is lost
    assert (state, accepted, quarantined, refused, received) == ("loaded", 44, 0, 0, 44 + duplicate)
    ((received, due, answered, kind, competent),) = province.world.rows(
        "select ngay_tiep_nhan, han_xu_ly, ngay_tra_loi, loai_noi_dung, thuoc_tham_quyen from raw.feedback_case"
        " where ma_pakn = 'PA-0001'"
    )
    assert (received, due, answered, kind, competent) == (
        "20240801080000",
        "20240821170000",
        "20240820100000",
        "2",
        "1",
    )
    dump = str(province.world.rows("select * from raw.feedback_case"))
    assert "Phản Ánh" not in dump and "riêng tư" not in dump
    province.feedback.cases.commit([case(45, TrangThai="?", NgayCapNhat="2024-08-20T10:01:00+07:00")])
    state, _, accepted, quarantined, *_ = province.run("pakn")
    assert (state, accepted, quarantined) == ("loaded", 0, 1)
    assert province.world.one("select rule_ids from quarantine.rejected_row") == ["PA-003"]


def test_no_feedback_is_no_fault(province: Province) -> None:
    for number in range(1, 45):
        province.feedback.cases.withdraw(f"PA-{number:04d}")
    assert province.run("pakn") == ("loaded", 0, 0, 0, 0, 0)


def test_a_portal_file_is_read_once_and_again_when_it_changed(province: Province) -> None:
    bad = dossier(3, DonViXuLy="H15.99")
    path = province.export(dossier(1), dossier(2), bad)
    write_manifest(path, 3)
    assert province.run("dvcqg") == ("loaded", 3, 2, 1, 0, 0)
    assert province.run("dvcqg") == ("loaded", 0, 0, 0, 0, 0)
    ((row, key, rules),) = province.world.rows("select row_number, record_key, rule_ids from quarantine.rejected_row")
    assert (row, key, rules) == (8, "H15.07-240823-0003", ["PT-011"])  # three title rows, two of header, third row
    assert province.world.rows("select origin, state from ops.load_batch where source_id = 'dvcqg'") == [
        (path.name, "loaded")
    ]

    shutil.copy(path, path.with_name(file_name("HoSo", "H15", date(2024, 8, 2), LAST)))
    assert province.run("dvcqg") == ("duplicate", 3, 0, 0, 3, 0)

    province.export(dossier(1), dossier(2, TrangThaiHoSo="9"), bad, version=2)
    assert province.run("dvcqg") == ("loaded", 3, 1, 0, 2, 0)  # one changed; the quarantined row is no second one
    assert province.world.one("select count(*) from quarantine.rejected_row") == 1
    held = province.world.rows(
        "select f.version, count(*) from raw.portal_dossier join ops.portal_file f using (file_id) group by 1 order by 1"
    )
    assert held == [(1, 2), (2, 2)]
    again = province.world.rows(
        "select batch_id, dimension, value, count(*) from (select batch_id, don_vi_xu_ly, trang_thai_ho_so,"
        " kenh_thuc_hien from raw.portal_dossier union all select batch_id, agency_code, null, null"
        " from quarantine.rejected_row) as kept, lateral (values ('agency', don_vi_xu_ly), ('trang_thai_ho_so',"
        " trang_thai_ho_so), ('kenh_thuc_hien', kenh_thuc_hien)) as one (dimension, value)"
        " where value is not null group by 1, 2, 3 order by 1, 2, 3"
    )
    counted = province.world.rows("select batch_id, dimension, value, records from ops.delivery_count order by 1, 2, 3")
    assert len(again) > 4 and [row for row in counted if row[0] in {one[0] for one in again}] == again


def test_a_refused_file_does_not_hold_up_the_others(province: Province) -> None:
    province.export(dossier(1))
    (province.exports / file_name("HoSo", "H15", date(2024, 8, 3), LAST)).write_bytes(b"PK not a workbook")
    write_manifest(province.export(dossier(2), first=date(2024, 8, 4)), 7)
    with pytest.raises(DataRefused, match=r"20240803(.|\n)*its manifest says 7"):
        province.run("dvcqg")
    assert province.world.ledger("dvcqg") == [
        ("loaded", 1, 1, 0, 0, 0), ("refused", 0, 0, 0, 0, 0), ("refused", 1, 0, 0, 0, 1),
    ]  # fmt: skip
    assert province.world.one("select count(*) from raw.portal_dossier") == 1
    # all files were seen: what comes now is no first load any more, and known from its acceptance on
    province.export(dossier(5), first=date(2024, 8, 5))
    with pytest.raises(DataRefused):
        province.run("dvcqg")
    assert province.world.rows(
        "select is_first_load, reached_end from ops.load_batch where source_id = 'dvcqg' and state = 'loaded' order by batch_id"
    ) == [(True, True), (False, True)]


def test_the_ledger_says_what_a_new_version_changed(province: Province) -> None:
    bad = dossier(3, DonViXuLy="H15.99")
    path = province.export(dossier(1), dossier(2), bad)
    os.utime(path, (1_724_900_000, 1_724_900_000))
    first = path.read_bytes()
    assert province.run("dvcqg") == ("loaded", 3, 2, 1, 0, 0)

    def said() -> str:
        return str(province.world.one("select message from ops.load_batch order by batch_id desc limit 1"))

    # a row put in at the top moves every STT, which is no change; the row in quarantine is gone
    province.export(dossier(4), dossier(1), dossier(2, TrangThaiHoSo="9"), dossier(5))
    assert province.run("dvcqg") == ("loaded", 4, 3, 0, 1, 0)
    assert said() == f"against {path.name} before: 2 rows added, 1 removed, 1 changed"

    corrected = province.export(dossier(4), dossier(1), version=2)
    assert province.run("dvcqg") == ("duplicate", 2, 0, 0, 2, 0)
    assert said() == f"against {path.name} before: 0 rows added, 2 removed, 0 changed"

    # put back as it once was, time and all: its own rows are in force again
    corrected.unlink()
    path.write_bytes(first)
    os.utime(path, (1_724_900_000, 1_724_900_000))
    assert province.run("dvcqg") == ("duplicate", 3, 0, 0, 3, 0)
    assert said() == f"the same content as {path.name}; against {path.name} before: 1 rows added, 2 removed, 1 changed"

    # only touched: no new content, nothing to tell
    os.utime(path, (1_724_900_001, 1_724_900_001))
    assert province.run("dvcqg") == ("duplicate", 3, 0, 0, 3, 0)
    assert said() == f"the same content as {path.name}"
    shutil.rmtree(province.folder / ".local" / "landing")
    province.export(dossier(1))
    assert province.run("dvcqg")[0] == "duplicate"
    assert "what changed is not known" in said()


@pytest.mark.parametrize("manifest", ['{"rows": 2, "sha256": "00"}', '{"rows": "2"}', "no JSON"])
def test_a_manifest_of_another_content_refuses_the_rows_of_the_file(province: Province, manifest: str) -> None:
    path = province.export(dossier(1), dossier(2))
    path.with_name(f"{path.name}.manifest.json").write_text(manifest)
    with pytest.raises(DataRefused, match="manifest"):
        province.run("dvcqg")
    assert province.world.ledger("dvcqg") == [("refused", 2, 0, 0, 0, 2)]


def test_payments_and_ratings(province: Province) -> None:
    paid = {
        "Mã hồ sơ": "H15.07-240823-0001",
        "Hình thức": "Trực tuyến",
        "Trạng thái": "Thành công",
        "Ngày thanh toán": "23/08/2024",
    }
    payments = [{**paid, "Mã giao dịch": f"GD{n}", "Số tiền": "1.219.000 đ"} for n in (1, 2, 2)]
    payments[2] = {**payments[2], "Số tiền": "5"}
    write_csv(
        province.exports / file_name("ThanhToan", "H15", FIRST, LAST, suffix="csv"),
        "ThanhToan",
        payments,
        encoding="cp1258",
        separator=";",
    )
    rating = {
        "Mã phiếu": "P1",
        "Mã hồ sơ": "H15.07-240823-0001",
        "Điểm": 5,
        "Ngày đánh giá": "24/08/2024",
        "Nội dung": "Lời riêng",
    }
    write_xlsx(province.exports / file_name("DanhGia", "H15", FIRST, LAST), "DanhGia", [rating])
    province.export(dossier(1))
    assert province.run("dvcqg") == ("loaded", 5, 3, 2, 0, 0)  # both rows of the code that stands twice
    assert province.world.rows("select ma_giao_dich, so_tien from raw.portal_payment") == [("GD1", "1219000")]
    assert province.world.rows("select diem, ngay_danh_gia from raw.portal_rating") == [("5", "20240824000000")]
    assert "riêng" not in str(province.world.rows("select * from raw.portal_rating"))


def test_an_empty_folder_on_a_first_load_is_refused(province: Province) -> None:
    with pytest.raises(DataRefused, match="there is no export"):
        province.run("dvcqg")


def test_a_file_whose_last_day_is_not_over_waits(province: Province) -> None:
    province.export(dossier(1))
    path = province.exports / file_name("HoSo", "H15", FIRST, AS_OF.date())
    os.link(province.export(dossier(2), first=date(2024, 8, 5)), path)
    result = ingest(province.world.settings, "dvcqg", as_of=AS_OF)
    assert result.received == 2 and f"{path.name} waits" in str(result.message)
