"""A source is asked in its hours only, and one that hangs delays nobody longer than its own retry budget."""

from __future__ import annotations

import shutil
import socket
import time
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from onestop import config, periods
from onestop.errors import SourceUnavailable, WindowClosed
from onestop.pipeline import flows
from onestop.pipeline.backfill import backfill
from onestop.pipeline.doctor import examine
from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.portal_files import dossier_row, file_name, write_xlsx
from onestop.sandbox.server import OneStopServer
from onestop.sources.sftp import SftpFolder
from worlds import AS_OF, CLIENT, SECRET, World, dossier, make_world

pytestmark = pytest.mark.integration
WINDOW = 'window: "20:00-05:00"'
LATE = datetime.fromisoformat("2024-09-26T04:59:59+07:00")


class Clock:
    """Starts at a moment and runs with the machine's; may be set on."""

    def __init__(self, start: datetime) -> None:
        self._start, self._began = start, time.monotonic()

    def __call__(self) -> datetime:
        return self._start + timedelta(seconds=time.monotonic() - self._began)

    def set(self, moment: str) -> None:
        self._start, self._began = datetime.fromisoformat(moment), time.monotonic()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock(LATE)
    monkeypatch.setattr("onestop.pipeline.curfew.system_now", made)
    return made


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def world_of(folder: Path, dsn: str, url: str, monkeypatch: pytest.MonkeyPatch, options: str) -> World:
    made = make_world(folder, dsn, {"igate": url}, monkeypatch, options=options)
    ingest_reference(made.settings, as_of=AS_OF)
    return made


def test_a_pull_that_outlasts_its_hours_stops_asking_and_loads_nothing(
    tmp_path: Path, warehouse: str, silent: int, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path, warehouse, f"http://127.0.0.1:{silent}", monkeypatch, WINDOW)
    clock.set("2024-09-26T04:59:59+07:00")
    started = time.monotonic()
    with pytest.raises(WindowClosed, match="stopped asking"):
        ingest(world.settings, "igate", as_of=AS_OF)
    assert time.monotonic() - started < 8  # its time-out would have been 30 s, its budget 300 s
    assert world.ledger() == [("failed", 0, 0, 0, 0, 0)]
    assert "20:00 to 05:00" in world.one("select message from ops.load_batch where source_id = 'igate'")
    assert world.one("select count(*) from ops.source_cursor where source_id = 'igate'") == 0

    with OneStopServer([dossier(1), dossier(2)], CLIENT, SECRET) as server:
        world = make_world(tmp_path, warehouse, {"igate": server.url}, monkeypatch, options=WINDOW)
        clock.set("2024-09-26T12:00:00+07:00")
        asking: list[Any] = [
            lambda **more: ingest(world.settings, "igate", as_of=AS_OF, **more),
            lambda **more: backfill(
                world.settings, "igate", first=date(2024, 8, 1), last=date(2024, 8, 31), reason="again", as_of=AS_OF, **more
            ),
        ]  # fmt: skip
        for ask in asking:
            with pytest.raises(WindowClosed, match="now it is 12:00. Nothing was asked") as caught:
                ask()
            assert not caught.value.was_asked
        assert len(world.ledger()) == 1 and server.records_served == 0
        assert [ask(ignore_window=True).received for ask in asking] == [2, 2]
        # a delivery that was landed is judged again at any hour: the source is asked nothing
        (path,) = world.rows("select landing_path from ops.load_batch where state = 'loaded' and source_id = 'igate'")
        assert ingest(world.settings, "igate", as_of=AS_OF, replay_from=path[0]).received == 2
        clock.set("2024-09-26T21:00:00+07:00")
        assert asking[0]().received == 2


def test_the_doctor_keeps_the_hours_too(
    tmp_path: Path, warehouse: str, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = world_of(tmp_path, warehouse, f"http://127.0.0.1:{silent}", monkeypatch, WINDOW)
    monkeypatch.setattr("onestop.pipeline.doctor.system_now", lambda: LATE + timedelta(seconds=1))
    (found,) = [f for f in examine(world.settings) if f.check == "source igate"]
    assert (found.ok, found.says) == (True, "not asked now: it may be asked from 20:00 to 05:00 only, local time")


def test_files_are_read_one_by_one_until_the_hours_end(
    tmp_path: Path, warehouse: str, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("onestop.sources.portal_export.SECONDS_BETWEEN_LOOKS", 0.01)
    made = world_of(tmp_path, warehouse, "http://127.0.0.1:9", monkeypatch, WINDOW)
    made.settings.file.write_text(
        made.settings.file.read_text() + f"  - {{id: dvcqg, kind: portal_export, path: exports, {WINDOW}}}\n"
    )
    world = World(tmp_path, warehouse, config.load(made.settings.file))
    (tmp_path / "exports").mkdir()
    for day in (1, 2, 3):
        span = (date(2024, 8, day), date(2024, 8, 31))
        write_xlsx(tmp_path / "exports" / file_name("HoSo", "H15", *span), "HoSo", [dossier_row(dossier(day), 1)])

    def progress(step: str, done: int) -> None:
        if "20240802" in step:
            clock.set("2024-09-26T05:00:00+07:00")

    clock.set("2024-09-26T04:00:00+07:00")
    with pytest.raises(WindowClosed, match="stopped asking") as caught:
        ingest(world.settings, "dvcqg", as_of=AS_OF, progress=progress)
    assert caught.value.was_asked
    assert world.ledger("dvcqg") == [("loaded", 1, 1, 0, 0, 0)] * 2  # the file under way is read to its end
    clock.set("2024-09-26T20:00:00+07:00")
    assert ingest(world.settings, "dvcqg", as_of=AS_OF).accepted == 1


PATIENCE = "timeout_seconds: 0.5, retry_budget_seconds: 1"
HANGING = {
    "one_stop_api": f'base_url: "http://127.0.0.1:PORT", credentials: IGATE, {PATIENCE}',
    "feedback_api": f'base_url: "http://127.0.0.1:PORT", credentials: PAKN, {PATIENCE}',
    "one_stop_sql": f"dsn_env: TREASURY_DSN, {PATIENCE}",
    "portal_export": 'path: "sftp://127.0.0.1:PORT/exports", credentials: DVCQG',
}


def test_sources_that_hang_delay_the_next_one_by_their_budgets_at_most(
    tmp_path: Path, warehouse: str, silent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`onestop run` reads one source after the other. Budget 1 s and one deadline (4 x 0.5 s) each, SFTP's wait 1 s."""
    original = SftpFolder.__init__
    monkeypatch.setattr(
        SftpFolder, "__init__", lambda self, *a, **named: original(self, *a, **{**named, "timeout": 1.0})
    )
    monkeypatch.setattr(flows, "_anything_loaded", lambda settings: False)  # ends the run after its ingests
    monkeypatch.setenv("PAKN_API_KEY", "a key")
    monkeypatch.setenv("DVCQG_USER", "u")
    monkeypatch.setenv("DVCQG_PASSWORD", "p")
    monkeypatch.setenv("TREASURY_DSN", f"postgresql://u:p@127.0.0.1:{silent}/x")
    with OneStopServer([dossier(1)], CLIENT, SECRET) as server:
        made = make_world(tmp_path, warehouse, {"igate": server.url}, monkeypatch)
        head, _, last = made.settings.file.read_text().rpartition("  - ")
        hanging = [
            f"  - {{id: hangs{n}, kind: {kind}, {keys.replace('PORT', str(silent))}}}\n"
            for n, (kind, keys) in enumerate(HANGING.items())
        ]
        made.settings.file.write_text(head + "".join(hanging) + "  - " + last)
        settings = config.load(made.settings.file)
        arrived: dict[str, float] = {}
        started = time.monotonic()
        result = flows.run(
            settings, periods.parse("2024-Q3"), as_of=AS_OF,
            progress=lambda step, done: arrived.setdefault(step, time.monotonic() - started),
        )  # fmt: skip
    assert [(step, type(problem)) for step, problem in result.problems] == [
        (f"hangs{n}", SourceUnavailable) for n in range(4)
    ]
    assert (result.exit_code, result.ingests[-1].source_id, result.ingests[-1].accepted) == (1, "igate", 1)
    assert arrived["ingest igate"] < 4 * (1 + 4 * 0.5) + 20  # 20 s for the work itself on a busy machine
    shutil.rmtree(tmp_path / "reference")
