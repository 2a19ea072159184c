"""Deliveries in any order, repeated, split and late leave the same tables as one clean delivery, for every kind of source.

Each drawn delivery goes into sources of its own in one warehouse; in the end the models are built once over all of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onestop.config import PortalExportSource
from onestop.landing import ledger
from onestop.pipeline.entities import entity_of
from onestop.pipeline.ingest import ingest
from onestop.pipeline.keys import load_keys
from onestop.pipeline.loading import Loader
from onestop.pipeline.reference import ingest_reference, reference_index
from onestop.quality.batch import BatchFacts
from onestop.sandbox.portal_files import dossier_row, file_name, write_csv, write_xlsx
from onestop.sandbox.sql_source import write_table
from onestop.sources.one_stop_sql import OneStopSql
from onestop.specs import load_spec
from onestop.transform.dbt import build
from worlds import AS_OF, World, dossier, judges_made_once, make_world

pytestmark = pytest.mark.integration

# Versions with distinct code and time of change, as the contract has them; some break a rule.
DOSSIERS = [
    dossier(
        number,
        NgayCapNhat=f"202408{29 + version % 2:02d}1{version}{number:02d}00",
        TrangThaiHoSo="10" if version else "4",
        **({"NgayKetThucXuLy": None} if not version else {}),
        **({"KenhThucHien": "9"} if number == 3 else {}),
    )
    for number in range(1, 7)
    for version in range(3)
]
CASES = [
    {
        "MaPAKN": f"PA-{number}",
        "NgayTiepNhan": "2024-08-01T08:00:00+07:00",
        "TrangThai": "moi" if number != 2 else "?",
        "NgayCapNhat": f"2024-08-20T1{version}:00:0{number}",
    }
    for number in range(1, 5)
    for version in range(2)
]
FEEDS = {"one_stop_api": DOSSIERS, "one_stop_sql": DOSSIERS, "feedback_api": CASES}
AUGUST, SEPTEMBER = (date(2024, 8, 1), date(2024, 8, 31)), (date(2024, 9, 1), date(2024, 9, 10))
LOOSE = settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write_exports(folder: Path) -> list[Path]:
    """Six files of three entities. Of HoSo in August a second version changes a row, withdraws one, brings one."""
    folder.mkdir()
    bad = dossier(3, DonViXuLy="H15.99")
    changed = dossier(2, TrangThaiHoSo="9")

    def hoso(span: tuple[date, date], version: int, *records: dict[str, Any]) -> Path:
        rows = [dossier_row(record, number) for number, record in enumerate(records, 1)]
        return write_xlsx(folder / file_name("HoSo", "H15", *span, version), "HoSo", rows)

    made = [
        hoso(AUGUST, 1, dossier(1), dossier(2), bad, dossier(4)),
        hoso(AUGUST, 2, dossier(1), changed, bad, dossier(5)),
        hoso(SEPTEMBER, 1, dossier(1, TrangThaiHoSo="9"), dossier(6)),
    ]
    paid = {"Mã hồ sơ": "H15.07-240823-0001", "Hình thức": "Trực tuyến", "Ngày thanh toán": "23/08/2024"}
    payments = [
        {**paid, "Mã giao dịch": f"GD{n}", "Số tiền": f"{n}.000 đ", "Trạng thái": state}
        for n, state in enumerate(["Thành công", "Thất bại", "lạ"], 1)
    ]
    rating = {"Mã hồ sơ": "H15.07-240823-0001", "Ngày đánh giá": "24/08/2024", "Nội dung": "Lời riêng"}
    for version, rows in ((1, payments), (2, payments[:1])):
        name = file_name("ThanhToan", "H15", *AUGUST, version, "csv")
        made.append(write_csv(folder / name, "ThanhToan", rows, encoding="cp1258", separator=";"))
    ratings = [{**rating, "Mã phiếu": f"P{score}", "Điểm": score} for score in (5, 9)]
    made.append(write_xlsx(folder / file_name("DanhGia", "H15", *AUGUST), "DanhGia", ratings))
    for place, path in enumerate(made):
        os.utime(path, (1_726_500_000 + place, 1_726_500_000 + place))
    return made


class Warehouse:
    """One warehouse for all deliveries, each under a source id of its own."""

    def __init__(self, world: World, foreign: str) -> None:
        self.world, self.foreign = world, foreign
        self.turns = iter(range(10_000))

    def deliver(self, kind: str, source: str, deliveries: Iterable[list[dict[str, Any]]]) -> None:
        """Each delivery as a batch of its own, in chunks of nine, committed, with its ledger row."""
        with closing(psycopg.connect(self.world.dsn)) as connection:
            for number, delivered in enumerate(deliveries):
                records = self.through_a_table(delivered) if kind == "one_stop_sql" else delivered
                with connection.cursor() as cursor:
                    batch = ledger.Batch(
                        ledger.next_batch_id(cursor),
                        source,
                        entity_of(kind).spec.entity,
                        "test",
                        AS_OF + timedelta(days=number),
                        number == 0,
                    )
                    loader = Loader(
                        self.world.settings,
                        entity_of(kind),
                        reference_index(cursor),
                        load_keys(self.world.settings),
                        batch,
                        BatchFacts(),
                        AS_OF,
                    )
                    for start in range(0, len(records), 9):
                        loader.load(cursor, records[start : start + 9])
                    ledger.write_batch(cursor, batch)
                connection.commit()

    def through_a_table(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The records as another database hands them out; a table holds no row twice."""
        unique = {(record["MaHoSo"], record["NgayCapNhat"]): record for record in records}
        if not unique:
            return []
        write_table(self.foreign, list(unique.values()))
        reader = OneStopSql(
            "treasury", self.foreign, "dossiers", zone=self.world.settings.zone, page_size=7, timeout_seconds=30,
            retry_budget_seconds=0, fields=[item.field for item in load_spec("one_stop_dossier").fields],
        )  # fmt: skip
        with closing(reader.pages("19700101000000", "20240925080001")) as pages:
            return [record for page in pages for record in page.records]

    def deliver_files(self, source: str, runs: Iterable[list[tuple[str, Path]]]) -> None:
        """Each run finds some more files in the source's folder: (name, original)."""
        folder = self.world.folder / source
        folder.mkdir()
        portal = PortalExportSource.model_validate({"id": source, "kind": "portal_export", "path": str(folder)})
        only = self.world.settings.model_copy(update={"sources": (portal,)})
        for number, files in enumerate(runs):
            for name, original in files:
                (folder / name).write_bytes(original.read_bytes())
                moment = original.stat().st_mtime
                os.utime(folder / name, (moment, moment))
            if any(folder.iterdir()):
                ingest(only, source, as_of=AS_OF + timedelta(days=number))

    def counts(self, source: str) -> tuple[int, ...]:
        """received, accepted, quarantined, duplicate, refused over all batches; the identity holds for each."""
        rows = self.world.rows(
            "select received, accepted, quarantined, duplicate, refused from ops.load_batch where source_id = %s",
            source,
        )
        assert all(received == sum(parts) for received, *parts in rows)
        return tuple(map(sum, zip(*rows, strict=True)))

    def contents(self, table: str, source: str) -> tuple[list[Any], list[Any]]:
        """What is accepted and what lies in quarantine, whatever the batches were."""
        accepted = self.world.rows(
            f"select distinct content_hash from raw.{table} where source_id = %s order by 1", source
        )
        rejected = self.world.rows(
            "select content_hash, rule_ids, warning_ids from quarantine.rejected_row where source_id = %s order by 1",
            source,
        )
        return accepted, rejected


@pytest.fixture
def warehouse_of_all(tmp_path: Path, warehouse: str, empty_database: str, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    monkeypatch.setattr("onestop.sources.portal_export.SECONDS_BETWEEN_LOOKS", 0.001)
    judges_made_once(monkeypatch)
    world = make_world(tmp_path, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)
    ingest_reference(world.settings, as_of=AS_OF)
    return Warehouse(world, empty_database)


@pytest.mark.usefixtures("models_alone")
def test_any_order_split_repetition_and_delay(warehouse_of_all: Warehouse, tmp_path: Path) -> None:
    for kind in FEEDS:
        _feed(warehouse_of_all, kind)
    _files(warehouse_of_all, write_exports(tmp_path / "originals"))
    world = warehouse_of_all.world
    build(
        world.dsn, province_code="H15", timezone="Asia/Ho_Chi_Minh", known_at=AS_OF + timedelta(days=60),
        layers=["staging", "intermediate"], target_path=tmp_path / "dbt",
    )  # fmt: skip
    final = {
        "dossier": "select source_id, dossier_code, updated_at, status, is_deleted, is_current,"
        " earliest_shown_appointment_at, status_since from intermediate.int_dossier__version",
        "case": "select distinct on (source_id, case_code) source_id, case_code, updated_at, status, received_at"
        " from staging.stg_feedback__case order by source_id, case_code, updated_at desc",
        "file": "select source_id, series, version, is_current from intermediate.int_portal__file",
        "payment": "select p.source_id, transaction_code, amount, payment_status from staging.stg_portal__payment p"
        " join intermediate.int_portal__file f on f.file_id = p.file_id and f.is_current",
        "rating": "select r.source_id, rating_code, score from staging.stg_portal__rating r"
        " join intermediate.int_portal__file f on f.file_id = r.file_id and f.is_current",
    }
    compared = 0
    for what, query in final.items():
        found: dict[str, list[Any]] = {}
        for source, *values in world.rows(query):
            found.setdefault(source, []).append(tuple(map(str, values)))
        for source, rows in found.items():
            clean = found[f"{source.partition('_')[0]}_clean"]
            assert sorted(rows) == sorted(clean), (what, source)
            compared += not source.endswith("_clean")
    assert compared >= 3 * 6  # dossiers of three kinds, cases, files, payments, ratings
    shown = world.rows(
        "select dossier_code, status from intermediate.int_dossier__version where source_id = 'files_clean'"
        " and is_current order by 1"
    )
    codes = [f"H15.07-240823-{number:04d}" for number in (1, 2, 5, 6)]  # 3 is in quarantine, 4 was withdrawn
    assert shown == list(zip(codes, (9, 9, 10, 10), strict=True))


def _feed(into: Warehouse, kind: str) -> None:
    feed, short = FEEDS[kind], {"one_stop_api": "api", "one_stop_sql": "sql", "feedback_api": "cases"}[kind]
    table = entity_of(kind).spec.table
    into.deliver(kind, f"{short}_clean", [feed])
    clean = into.contents(table, f"{short}_clean")
    assert len(clean[0]) + len(clean[1]) == len(feed) and clean[1]

    @LOOSE
    @given(
        order=st.permutations(feed),
        cuts=st.lists(st.integers(0, len(feed)), max_size=2),
        again=st.lists(st.sampled_from(feed), max_size=8),
    )
    def same(order: list[dict[str, Any]], cuts: list[int], again: list[dict[str, Any]]) -> None:
        source = f"{short}_{next(into.turns)}"
        parts = [order[a:b] for a, b in pairwise([0, *sorted(cuts), len(order)])]
        into.deliver(kind, source, [*parts, again, order[: len(again)]])
        assert into.contents(table, source) == clean
        received, accepted, quarantined, _, refused = into.counts(source)
        assert (accepted, quarantined, refused) == (len(clean[0]), len(clean[1]), 0)
        if kind != "one_stop_sql":  # a table hands out no row twice at once
            assert received == len(feed) + 2 * len(again)

    same()


def _files(into: Warehouse, files: list[Path]) -> None:
    into.deliver_files("files_clean", [[(path.name, path) for path in files]])
    tables = ("portal_dossier", "portal_payment", "portal_rating")
    clean = [into.contents(table, "files_clean") for table in tables]
    assert into.counts("files_clean")[2] == 3  # the unit that nobody knows, the state that is none, nine of five points

    @LOOSE
    @given(
        order=st.permutations(files),
        cuts=st.lists(st.integers(0, len(files)), max_size=2),
        again=st.lists(st.sampled_from(files), max_size=3, unique=True),
    )
    def same(order: list[Path], cuts: list[int], again: list[Path]) -> None:
        source = f"files_{next(into.turns)}"
        runs = [[(path.name, path) for path in order[a:b]] for a, b in pairwise([0, *sorted(cuts), len(order)])]
        copies = [
            (path.name.replace("_H15_202408", "_H15_202407").replace("_H15_202409", "_H15_202407"), path)
            for path in again
        ]
        into.deliver_files(source, [*runs, copies, [(path.name, path) for path in order]])
        assert [into.contents(table, source) for table in tables] == clean
        assert into.counts(source)[2] == 3

    same()
