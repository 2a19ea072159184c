"""The watch and the status on planted runs: what did not start, is slow, silent, uncovered or waits, and what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from alert_channels import ENGINEER, OWNER, Mailbox, alert_settings, mail_server, port_of, text_of
from onestop.cli.app import app
from onestop.config import Settings
from onestop.errors import WarehouseUnavailable
from onestop.landing import ledger
from onestop.pipeline import alerting, operations
from onestop.pipeline.impact import awaited_period
from onestop.warehouse.connection import connect

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
NOW = datetime.fromisoformat("2024-09-25T08:00:00+07:00")  # a Wednesday; the sources were due at 02:00
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
NIGHT = NOW.replace(hour=2)


class Place:
    """A province of which rows are planted as its runs would have left them."""

    def __init__(self, settings: Settings, dsn: str, mailbox: Mailbox) -> None:
        self.settings, self.dsn, self.mailbox = settings, dsn, mailbox

    def do(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(connect(self.dsn, autocommit=True)) as connection:
            done = connection.execute(query.encode(), values or None)
            return done.fetchall() if done.description else []

    def batch(
        self, source: str, at: datetime, *, took: timedelta = 3 * MINUTE, records: int = 9, state: str = "loaded"
    ) -> int:
        """A batch that began at a moment; with records, a delivery of dossiers."""
        ((batch_id,),) = self.do(
            "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
            " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version)"
            " values (%s, 'dossier', 'test', %s, %s, 0, 0, 0, %s, %s, %s, %s, true, false, 'test') returning batch_id",
            source, records, records, at, at + took, state, at,
        )  # fmt: skip
        self.do(
            "insert into ops.delivery values (%s, %s, 'dossier', %s, %s, true, null, null, null, null, %s, 0, 0, 0, 0, 0, 0)",
            batch_id, source, at.date(), at.time(), records,
        )  # fmt: skip
        return int(batch_id)

    def look(self, at: datetime = NOW) -> list[tuple[str, str]]:
        return sorted((f.kind, f.subject) for f in operations.look(self.settings, at).findings)

    @property
    def told(self) -> list[tuple[str, str]]:
        return [(mail["To"], mail["Subject"].removeprefix("[Onestop Đắk Lắk] ")) for mail in self.mailbox.mails]


@pytest.fixture
def place(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    server, mailbox = mail_server()
    settings = alert_settings(tmp_path, port_of(server), hook=False)
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", warehouse)
    monkeypatch.setenv("ONESTOP_AS_OF", NOW.isoformat())
    with closing(connect(warehouse, autocommit=True)) as connection:
        ledger.sync_sources(connection, [(s.id, s.kind) for s in settings.sources])
        connection.execute("update ops.source set first_seen_at = '2024-01-01'")
        connection.execute(
            "insert into ops.build_round (known_at, is_whole, reason, built_from, started_at, finished_at)"
            " values (%s, true, 'test', '{}', %s, %s)",
            [NOW, NOW - 3 * 60 * MINUTE, NOW - 2 * 60 * MINUTE],
        )
        connection.execute(
            "insert into ops.maintenance_run (task, started_at, finished_at, details)"
            " values ('backup', %s, %s, '{\"proved\": true}')", [NOW - DAY, NOW - DAY],
        )  # fmt: skip
    made = Place(settings, warehouse, mailbox)
    made.batch("reference", NIGHT - 30 * MINUTE)
    try:
        yield made
    finally:
        server.stop()


def nights(place: Place, source: str, *, last: int = 0) -> None:
    """Two weeks of nights up to so many days ago; nothing new after the weekend's days."""
    for ago in range(14, last - 1, -1):
        at = NIGHT - ago * DAY
        place.batch(source, at, records=0 if (at - DAY).isoweekday() > 5 else 9)


def test_a_night_as_it_should_be(place: Place) -> None:
    nights(place, "igate")
    nights(place, "dvcqg")
    assert place.look() == []
    assert place.told == []
    (lineage,) = (place.settings.local / "lineage").glob("openlineage-*.jsonl")
    assert len(lineage.read_text().splitlines()) == 31  # a batch each; nothing was built
    done = CliRunner().invoke(app, ["status", "--config", str(place.settings.file), "--page", "--json"])
    assert done.exit_code == 0, done.output
    night = json.loads(done.stdout)["night"]
    assert (night["is_fine"], night["late"], night["in_quarantine"], night["alerts"]) == (True, [], 0, [])
    # Two days after the closing day the last quarter is the one that everybody waits for; nothing was built of it.
    assert night["quarter"] == {"period": "statutory 2024-Q3", "is_ready": None, "conditions": None}
    page = Path(json.loads(done.stdout)["page"]).read_text(encoding="utf-8")
    assert "Đêm qua ổn" in page and "statutory 2024-Q3 có sẵn sàng không?" in page
    said = CliRunner().invoke(app, ["status", "--config", str(place.settings.file)]).output
    assert "tonight fine?      yes" in said


def test_a_run_that_did_not_start_and_the_build_behind_it(place: Place) -> None:
    nights(place, "igate", last=1)
    nights(place, "dvcqg")
    place.do(
        "update ops.build_round set started_at = started_at - interval '1 day', finished_at = finished_at - interval '1 day'"
    )
    assert place.look(NIGHT + 59 * MINUTE) == []  # within the hour nothing is missing
    assert place.look() == [("run_missing", "igate"), ("run_missing", "transform__warehouse")]
    assert place.told == [(ENGINEER, "igate did not start"), (ENGINEER, "transform__warehouse did not start")]
    text = text_of(place.mailbox.mails[0])
    assert "it was due at 2024-09-25 02:00; the last start was 2024-09-24 02:00" in text
    assert "statutory 2024-Q3 cannot be drafted in full: igate silent since 2024-09-24 02:03" in text
    night = json.loads(CliRunner().invoke(app, ["status", "--config", str(place.settings.file), "--json"]).stdout)[
        "night"
    ]
    assert (night["is_fine"], night["late"]) == (False, ["igate", "transform__warehouse"])
    metrics = place.settings.metrics_path.read_text()
    assert 'onestop_run_late{run="igate"} 1\n' in metrics
    assert 'onestop_run_late{run="dvcqg"} 0\n' in metrics
    assert 'onestop_alerts_open{kind="run_missing"} 2\n' in metrics
    assert (
        f'onestop_run_success_timestamp_seconds{{run="igate"}} {(NIGHT - DAY + 3 * MINUTE).timestamp():.0f}\n'
        in metrics
    )

    place.batch("igate", NOW)  # started by hand: settled by itself
    place.do("update ops.build_round set started_at = %s, finished_at = %s", NOW, NOW)
    assert place.look(NOW + MINUTE) == []
    assert place.told[2:] == [
        (ENGINEER, "Recovered: igate did not start"),
        (ENGINEER, "Recovered: transform__warehouse did not start"),
    ]


def test_slow_runs_and_attempts_that_never_ended(place: Place) -> None:
    nights(place, "igate", last=1)
    nights(place, "dvcqg", last=1)
    place.batch("igate", NIGHT, took=34 * MINUTE)  # usual 3: three times as long and half an hour more
    place.do(
        "insert into ops.ingest_attempt (attempt_id, source_id, entity, landing_path, started_at)"
        " values ('a', 'dvcqg', 'dossier', 'x', %s)", NIGHT,
    )  # fmt: skip
    assert place.look() == [("run_slow", "dvcqg"), ("run_slow", "igate")]


@pytest.mark.parametrize(
    ("last", "now", "silent"),
    [
        (2, "2024-09-25T08:00:00+07:00", False),  # of Tuesday nothing came
        (3, "2024-09-25T08:00:00+07:00", True),  # nor of Monday
        (5, "2024-09-23T08:00:00+07:00", False),  # a Monday: the weekend is no silence
        (1, "2024-09-05T08:00:00+07:00", False),  # National Day, 31 August to 3 September: days off
    ],
)
def test_silence_is_counted_in_working_days(place: Place, last: int, now: str, silent: bool) -> None:
    moment = datetime.fromisoformat(now)
    for source in ("igate", "dvcqg"):
        for ago in range(20, -1, -1):
            at = moment.replace(hour=2) - ago * DAY
            is_quiet = source == "igate" and (
                at.date() > date(2024, 9, 24) - (last - 2) * DAY
                if moment == NOW
                else at.date() >= date(2024, 9, 1 if last == 1 else 22)
            )
            place.batch(source, at, records=0 if is_quiet or (at - DAY).isoweekday() > 5 else 9)
    place.do("update ops.build_round set started_at = %s, finished_at = %s", moment, moment)
    place.do("update ops.load_batch set started_at = %s where source_id = 'reference'", moment)
    found = [f for f in place.look(moment) if f[0] == "source_silent"]
    assert found == ([("source_silent", "igate")] if silent else [])
    if silent:
        assert (OWNER, "Nguồn igate không có hồ sơ mới") in place.told


def test_a_source_that_is_down_is_one_message(place: Place) -> None:
    from onestop.errors import SourceUnavailable

    nights(place, "igate", last=4)
    nights(place, "dvcqg")
    for ago in range(3, -1, -1):
        place.batch("igate", NIGHT - ago * DAY, records=0, state="failed")
    alerting.of_fault(place.settings, SourceUnavailable("igate does not answer"), "igate")
    assert place.look() == []
    assert place.told == [(ENGINEER, "Source igate could not be read")]


def test_silent_units_uncovered_days_and_rows_that_wait(place: Place) -> None:
    nights(place, "igate")
    nights(place, "dvcqg")
    batch = place.batch("igate", NIGHT)
    place.do("insert into ops.delivery_check values (%s, 'OS-905', 'H15.21', 'broken', 0, 4, null)", batch)
    for first, last in (
        ("2024-09-02", "2024-09-08"),
        ("2024-09-13", "2024-09-19"),
    ):  # 9 to 12 September: Monday to Thursday
        place.do(
            "insert into ops.portal_file (source_id, entity, name, series, version, covers_from, covers_to, modified_at,"
            " size, sha256, batch_id) values ('dvcqg', 'dossier', 'x', 'x', 1, %s, %s, now(), 1, 'x', %s)",
            first, last, batch,
        )  # fmt: skip
    place.do(
        "insert into quarantine.rejected_row (source_id, entity, batch_id, row_number, rule_ids, warning_ids, payload,"
        " first_seen_at, content_hash, version) values ('igate', 'dossier', %s, 1, '{OS-001}', '{}', '{}', %s, '', '')",
        batch, NOW - 8 * DAY,
    )  # fmt: skip
    assert place.look() == [("coverage_gap", "dvcqg"), ("quarantine_waiting", "igate"), ("unit_silent", "igate")]
    mails = {mail["Subject"]: mail for mail in place.mailbox.mails}
    assert len(mails) == 3
    waiting = mails["[Onestop Đắk Lắk] Bản ghi bị từ chối của nguồn igate chờ sửa đã lâu"]
    assert waiting["To"] == OWNER
    (workbook,) = waiting.iter_attachments()
    assert workbook.get_filename() == "khong-ro-don-vi.xlsx"
    assert workbook.get_content()[:2] == b"PK"
    silent = mails["[Onestop Đắk Lắk] Có đơn vị thường ngày có hồ sơ nhưng nay không có, nguồn igate"]
    assert "1 đơn vị (trong ngoặc: số hồ sơ thường ngày): H15.21 (4)" in text_of(silent)
    gap = mails["[Onestop Đắk Lắk] Files of dvcqg leave days uncovered"]
    assert "4 working days in no file: 2024-09-09, 2024-09-10, 2024-09-11, 2024-09-12" in text_of(gap)


def test_no_backup_and_little_room(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    nights(place, "igate")
    nights(place, "dvcqg")
    place.do("update ops.maintenance_run set finished_at = %s", NOW - 3 * DAY)
    file = place.settings.file
    file.write_text(file.read_text() + "watch: {free_gib: 10240}\n")
    from onestop import config

    place.settings = config.load(file)
    assert ("disk_low", "local") in place.look()
    assert ("backup_failed", "backup") in place.look()


def test_without_a_warehouse_the_watch_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", "postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(WarehouseUnavailable):
        place.look()
    assert place.told == [(ENGINEER, "The warehouse cannot be reached or written")]


def test_the_awaited_quarter(place: Place) -> None:
    def period(day: str) -> str:
        return str(awaited_period(place.settings, datetime.fromisoformat(f"{day}T08:00:00+07:00")))

    assert period("2024-09-14") == "statutory:2024-Q3"  # its last day
    assert period("2024-09-15") == "statutory:2024-Q3"
    assert period("2024-10-14") == "statutory:2024-Q3"
    assert period("2024-10-15") == "statutory:2024-Q4"
