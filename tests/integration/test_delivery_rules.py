"""Deliveries beside those before them: same weekday, same time of day, files of as many days; and when nothing is said."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pyarrow as pa
import pytest

from onestop.landing import ledger
from onestop.pipeline.entities import Entity, entity_of, portal_entity
from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.quality.compare import Comparison, compare, counted_columns
from onestop.quality.counted import AGENCY, Counted
from onestop.quality.history import Delivery
from onestop.quality.reference import ReferenceIndex
from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, dossier, make_world

pytestmark = pytest.mark.integration
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MONDAY = datetime(2024, 10, 28, 2, 0, tzinfo=ZONE)  # no holiday in the weeks around
UNITS = ReferenceIndex.build([("H15.07", None, None), ("H15.21", None, None), ("H15.OLD", None, "2024-09-10")], [])
WEEK = timedelta(weeks=1)


def counted_in_raw(cursor: Any, entity: Entity, batch_id: int) -> Counted:
    """What a load would have counted of rows that SQL wrote."""
    made = Counted(counted_columns(entity.book.delivery_rules))
    names = [AGENCY, *made.columns]
    cursor.execute(
        f"select {', '.join(names)}, warning_ids::text from raw.{entity.spec.table} where batch_id = %s", [batch_id]
    )
    if rows := cursor.fetchall():
        *columns, warnings = map(list, zip(*rows, strict=True))
        texts = [pa.array(column, pa.string()) for column in columns]
        made.note(dict(zip(names, texts, strict=True)), warnings)
    return made


class Source:
    """Deliveries of one source, written as a run writes them: rows, numbers, ledger, one transaction."""

    def __init__(self, dsn: str) -> None:
        self.connection = psycopg.connect(dsn)

    def _batch(self, cursor: Any, at: datetime, records: int, entity: str, **more: Any) -> ledger.Batch:
        return ledger.Batch(
            ledger.next_batch_id(cursor), "igate", entity, "test", at, False, received=records, accepted=records, **more
        )

    def deliver(
        self, at: datetime, records: int = 100, *, units: tuple[str, ...] = ("H15.07", "H15.21"), irregular: str | None = None,
        statuses: tuple[str, ...] = ("10", "4"), newest: datetime | None = None, rejected: int = 0,
    ) -> Comparison:  # fmt: skip
        """Records spread evenly over units and statuses, all changed at `newest` (default: an hour before)."""
        entity = entity_of("one_stop_api")
        stamp = f"{newest or at - timedelta(hours=1):%Y%m%d%H%M%S}"
        with self.connection.cursor() as cursor:
            batch = self._batch(cursor, at, records, "dossier", reached_end=irregular != "backfill")
            cursor.execute(
                "insert into raw.one_stop_dossier (batch_id, row_number, source_id, content_hash, ma_ho_so, don_vi_xu_ly,"
                " trang_thai_ho_so, kenh_thuc_hien, ngay_cap_nhat, warning_ids) select %s, n, 'igate', decode(md5(n::text), 'hex'), n::text,"
                " (%s::text[])[1 + n %% %s], (%s::text[])[1 + n %% %s], '2', %s, case when n %% 10 = 0 then '{OS-012}'::text[] end"
                " from generate_series(1, %s) n",
                [batch.batch_id, list(units), len(units), list(statuses), len(statuses), stamp, records],
            )
            cursor.execute(
                "insert into quarantine.rejected_row (source_id, entity, batch_id, row_number, rule_ids, warning_ids, payload,"
                " first_seen_at, content_hash, agency_code) select 'igate', 'dossier', %(b)s, n, '{OS-003,OS-004}', '{OS-012}', '{}', now(),"
                " decode(md5(%(b)s || '-' || n), 'hex'), 'H15.21' from generate_series(1, %(n)s) n",
                {"b": batch.batch_id, "n": rejected},
            )
            delivery = Delivery(
                batch.batch_id, "igate", "dossier", at, ZONE, records + rejected, newest=stamp, irregular=irregular
            )
            counted = counted_in_raw(cursor, entity, batch.batch_id)
            compared = compare(cursor, entity.book.delivery_rules, delivery, entity.spec, counted, UNITS)
            ledger.write_batch(cursor, batch)
        self.connection.commit()
        return compared

    def file(
        self, first: date, last: date, records: int, *, version: int = 1, newest: date | None = None
    ) -> Comparison:
        """A HoSo file whose rows were received on `newest` (default: its last day)."""
        entity = portal_entity("dossier")
        at = datetime.combine(last, datetime.min.time(), ZONE) + timedelta(days=2)
        with self.connection.cursor() as cursor:
            batch = self._batch(cursor, at, records, "dossier")
            cursor.execute(
                "insert into raw.portal_dossier (batch_id, row_number, source_id, content_hash, file_id, ma_ho_so, don_vi_xu_ly,"
                " trang_thai_ho_so, kenh_thuc_hien, ngay_tiep_nhan, ngay_cap_nhat) select %s, n, 'igate', '', 1, n::text, 'H15.07', '10',"
                " '2', %s, %s from generate_series(1, %s) n",
                [batch.batch_id, f"{newest or last:%Y%m%d}080000", f"{last:%Y%m%d}235959", records],
            )
            delivery = Delivery(
                batch.batch_id, "igate", "dossier", at, ZONE, records, covers=(first, last), series=f"{first}{last}", version=version
            )  # fmt: skip
            counted = counted_in_raw(cursor, entity, batch.batch_id)
            compared = compare(cursor, entity.book.delivery_rules, delivery, entity.spec, counted, UNITS)
            ledger.write_batch(cursor, batch)
        self.connection.commit()
        return compared

    def said(self) -> dict[str, Any]:
        """What ops.delivery_check has of the newest delivery: rule -> state, or the reason of one not judged."""
        rows = self.connection.execute(
            "select rule_id, coalesce(reason, state) from ops.delivery_check where batch_id = (select max(batch_id) from"
            " ops.load_batch) order by 1"
        ).fetchall()
        return dict(rows)

    def usual(self, weeks: int = 4, until: datetime = MONDAY, **options: Any) -> None:
        """Nightly deliveries before a day, on every day of the weeks, Sundays with few records."""
        for back in range(7 * weeks, 0, -1):
            at = until - timedelta(days=back)
            self.deliver(at, 10 if at.weekday() == 6 else 100, **options)


@pytest.fixture
def source(warehouse: str) -> Iterator[Source]:
    made = Source(warehouse)
    with closing(made.connection):
        yield made


def broken(compared: Comparison) -> list[str]:
    return sorted(rule for rule, (_, _, failed) in compared.counts.items() if failed)


def test_without_history_nothing_is_judged_and_it_is_said(source: Source) -> None:
    compared = source.deliver(MONDAY)
    assert (broken(compared), compared.message) == ([], None)
    assert compared.counts["OS-901"] == ("warn", 0, 0)
    assert source.said()["OS-901"] == "history 0 3"
    source.usual(weeks=1, until=MONDAY + 4 * WEEK)
    assert broken(source.deliver(MONDAY + 4 * WEEK, 1)) == []  # a Monday, and one that lies four weeks back
    assert source.said()["OS-901"] == "history 2 3"


def test_a_usual_night_keeps_all_and_a_poor_one_is_named(source: Source) -> None:
    source.usual()
    assert broken(source.deliver(MONDAY - timedelta(days=1) + timedelta(hours=20), 0)) == []  # nothing at 22:00 before
    assert broken(source.deliver(MONDAY, 50)) == []
    source.usual(weeks=1, until=MONDAY + WEEK + timedelta(minutes=1))
    compared = source.deliver(MONDAY + WEEK, 40)
    assert broken(compared) == ["OS-901"]
    assert compared.message == (
        "OS-901: The number of new dossiers differs from the last four weeks of that weekday (40, usual 100)"
    )
    assert compared.stop is None


def test_sundays_are_compared_with_sundays(source: Source) -> None:
    sunday = MONDAY - timedelta(days=1)
    source.usual(until=sunday)
    assert broken(source.deliver(sunday, 10)) == []
    assert broken(source.deliver(sunday + timedelta(hours=1), 90)) == ["OS-901"]  # the day so far: 100, not 10


def test_several_runs_a_day_are_compared_up_to_the_same_time(source: Source) -> None:
    for week in (4, 3, 2, 1):
        source.deliver(MONDAY - week * WEEK, 100)
        source.deliver(MONDAY - week * WEEK + timedelta(hours=12), 300)
    assert broken(source.deliver(MONDAY + timedelta(minutes=20), 110)) == []
    assert broken(source.deliver(MONDAY + timedelta(hours=12), 10)) == ["OS-901"]  # 120 by then, usual 400


def test_shares_of_status_and_silent_units(source: Source) -> None:
    source.usual()
    compared = source.deliver(MONDAY, statuses=("10", "10", "10", "4"), units=("H15.07",))
    assert broken(compared) == ["OS-902", "OS-905"]
    assert "OS-902: The share of a status differs" in str(compared.message)
    assert "(10: 75, usual 50; 4: 25, usual 50)" in str(compared.message)
    assert "(H15.21: 0, usual 50)" in str(compared.message)
    rows = source.connection.execute(
        "select subject, found, usual from ops.delivery_check where state = 'broken' order by rule_id, subject"
    )
    assert [(s, int(f), int(u)) for s, f, u in rows] == [("10", 75, 50), ("4", 25, 50), ("H15.21", 0, 50)]


def test_a_unit_whose_rows_all_fail_is_not_silent_and_one_that_ended_may_be(source: Source) -> None:
    source.usual(units=("H15.07", "H15.21", "H15.OLD"))
    assert broken(source.deliver(MONDAY, units=("H15.07",), rejected=40)) == []


def test_records_that_stopped_changing(source: Source) -> None:
    source.usual()
    friday = MONDAY - timedelta(days=3, hours=-14)
    assert broken(source.deliver(MONDAY, newest=friday)) == []
    wednesday = friday - timedelta(days=2)  # Thursday and Friday passed without a change
    compared = source.deliver(MONDAY + timedelta(minutes=5), 0, newest=wednesday)
    assert broken(compared) == ["OS-904"]
    assert "(2, usual 0)" in str(compared.message)


def test_irregular_deliveries_are_neither_judged_nor_compared_with(source: Source) -> None:
    source.usual()
    for irregular in ("backfill", "replay", "first_load"):
        assert broken(source.deliver(MONDAY, 5000, irregular=irregular, statuses=("8",), units=("H15.07",))) == []
        assert set(source.said().values()) == {irregular}
    assert broken(source.deliver(MONDAY + timedelta(minutes=1), 100)) == []


def test_after_an_outage_the_count_is_not_judged(source: Source) -> None:
    source.usual(until=MONDAY - timedelta(days=2))
    assert broken(source.deliver(MONDAY, 300)) == []
    assert source.said()["OS-901"] == "gap 3"
    assert source.said()["OS-902"] == "kept"


def test_an_earlier_as_of_does_not_see_later_deliveries(source: Source) -> None:
    source.usual()
    assert broken(source.deliver(MONDAY - 8 * WEEK, 1)) == []


def test_holidays_and_the_day_after_are_not_compared(source: Source) -> None:
    source.usual()
    with source.connection.cursor() as cursor:
        batch = ledger.Batch(ledger.next_batch_id(cursor), "reference", "working_day_exception", "x", MONDAY, False)
        cursor.execute(
            "insert into raw.working_day_exception values (%s, 1, '2024-10-28', '0', 'x', 'x')", [batch.batch_id]
        )
        ledger.write_batch(cursor, batch)
    assert broken(source.deliver(MONDAY, 1)) == []
    assert source.said()["OS-901"] == "holiday"
    source.usual(weeks=1, until=MONDAY + WEEK + timedelta(minutes=1))
    assert broken(source.deliver(MONDAY + WEEK, 1)) == ["OS-901", "OS-905"]


def test_quiet_days_are_working_days(source: Source) -> None:
    """Friday 30 August to Wednesday 4 September 2024: Monday and Tuesday were holidays, of the national list."""
    wednesday = datetime(2024, 9, 4, 2, 0, tzinfo=ZONE)
    source.deliver(wednesday, newest=datetime(2024, 8, 30, 16, 0, tzinfo=ZONE))
    assert source.connection.execute("select quiet_days from ops.delivery").fetchall() == [(0,)]
    assert source.said()["OS-901"] == "holiday"
    source.deliver(wednesday + timedelta(days=2), newest=datetime(2024, 8, 29, 16, 0, tzinfo=ZONE))
    ((quiet,),) = source.connection.execute("select max(quiet_days) from ops.delivery").fetchall()
    assert quiet == 3  # Friday 30, Wednesday 4, Thursday 5


def test_numbers_of_a_delivery_by_unit(source: Source) -> None:
    source.deliver(MONDAY, 20, rejected=3)
    rows = source.connection.execute(
        "select rule_id, agency_code, failed from ops.rule_agency order by 1, 2"
    ).fetchall()
    assert rows == [("OS-003", "H15.21", 3), ("OS-004", "H15.21", 3), ("OS-012", "H15.07", 2), ("OS-012", "H15.21", 3)]
    ((timed, seconds, longest, within),) = source.connection.execute(
        "select timed_records, delay_seconds, delay_seconds_max, within_a_day from ops.delivery"
    ).fetchall()
    assert (timed, seconds, longest, within) == (20, 20 * 3600, 3600, 20)


def test_files_are_compared_with_files_of_as_many_days(source: Source) -> None:
    months = [(date(2024, m, 1), date(2024, m + 1, 1) - timedelta(days=1)) for m in range(4, 9)]
    for first, last in months[:3]:
        assert broken(source.file(first, last, 3000)) == []
    source.file(date(2024, 7, 1), date(2024, 7, 7), 10)  # a week is no month
    assert broken(source.file(*months[3], 3100)) == []
    assert broken(source.file(*months[4], 1000, newest=date(2024, 8, 26))) == ["PT-901", "PT-904"]
    assert broken(source.file(*months[4], 3000, version=2)) == []


def test_a_reference_file_that_lost_rows(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world = make_world(tmp_path, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)
    assert [r.message for r in ingest_reference(world.settings, as_of=AS_OF)] == [None, None]
    path = tmp_path / "reference/agencies.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    results = ingest_reference(world.settings, as_of=AS_OF)
    assert "RF-901: The number of units in agencies.csv differs much from the version in force (3, usual 4)" in str(
        results[0].message
    )
    assert world.rows("select rule_id, checked, failed from ops.rule_result order by batch_id, rule_id") == [
        ("RF-901", 0, 0), ("RF-902", 0, 0), ("RF-901", 1, 1),
    ]  # fmt: skip


def test_through_the_product(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A first load, four Mondays, then one on which a unit is silent and hardly anything came; a backfill says nothing."""
    with OneStopServer(
        [dossier(n, NgayCapNhat="20240820090000", NgayKetThucXuLy="20240823090000") for n in range(1, 9)],
        CLIENT,
        SECRET,
    ) as server:
        world = make_world(tmp_path, warehouse, {"igate": server.url}, monkeypatch)
        ingest_reference(world.settings, as_of=AS_OF)
        results = []
        for week in range(6):
            at = MONDAY - (5 - week) * WEEK
            size = 4 if week == 5 else 40
            server.commit([
                dossier(1000 * week + n, NgayCapNhat=f"{at - timedelta(hours=1):%Y%m%d%H%M}{n:02d}", NgayNopHoSo=None,
                        DonViXuLy="H15.21" if n % 8 == 0 and week < 5 else "H15.07",
                        NgayTiepNhan="20240819080000", NgayKetThucXuLy="20240820090000")
                for n in range(1, size + 1)
            ])  # fmt: skip
            results.append(ingest(world.settings, "igate", as_of=at))
    assert [r.message for r in results[:5]] == [None] * 5
    assert (
        "OS-901" in str(results[5].message)
        and "OS-905" in str(results[5].message)
        and "H15.21" in str(results[5].message)
    )
    assert results[5].state == "loaded" and results[5].accepted == 4
    assert (
        world.one(
            "select failed from ops.rule_result where rule_id = 'OS-901' and batch_id = %s", results[5].batch_ids[0]
        )
        == 1
    )
    assert world.rows("select distinct reached from ops.source_run") == [(True,)]


def test_a_province_may_let_such_a_rule_stop(source: Source) -> None:
    source.usual()
    rules = [rule.model_copy(update={"action": "stop"}) for rule in entity_of("one_stop_api").book.delivery_rules]
    spec = entity_of("one_stop_api").spec
    with source.connection.cursor() as cursor:
        batch = source._batch(cursor, MONDAY, 0, "dossier")
        compared = compare(
            cursor, rules, Delivery(batch.batch_id, "igate", "dossier", MONDAY, ZONE, 0), spec, Counted([]), UNITS
        )
    assert "OS-9" in str(compared.stop)
    source.connection.rollback()
