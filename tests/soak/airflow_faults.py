"""Faults of the platform, in an Airflow that runs: its scheduler killed, a broken DAG file, runs that begin at once."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from onestop import config
from onestop.config import Settings
from onestop.platform import local_platform
from onestop.platform.airflow import services
from onestop.platform.airflow_client import AirflowClient
from onestop.platform.names import BACKFILL_DAG, source_dag
from onestop.platform.processes import Service
from onestop.resources import resource
from onestop.sandbox.server import OneStopServer
from onestop.warehouse.embedded import EmbeddedPostgres
from soak.place import BEFORE, SECOND, first_night
from worlds import CLIENT, SECRET, make_world

RECOVERS_WITHIN = 420  # seconds: Airflow gives up a task after five minutes without a sign of life
# Airflow reads only files that speak of it and of DAGs.
_HEAD = "from airflow.sdk import dag\n"
BROKEN = {"broken_syntax.py": f"{_HEAD}def half(:\n", "broken_import.py": f"{_HEAD}import a_module_that_nobody_has\n"}


class SlowSource(OneStopServer):
    """A source that keeps a request waiting as long as `slow` says."""

    slow = 0.0

    def count_page(self, outcome: str, records: int) -> None:
        """A page that takes its time."""
        self.wait(self.slow)
        super().count_page(outcome, records)


@dataclass
class Platform:
    """A province with its Airflow up."""

    settings: Settings
    source: SlowSource
    environment: dict[str, str]

    def up(self) -> local_platform.PlatformStatus:
        """`onestop up`."""
        return local_platform.up(self.settings, extra_environment=self.environment)

    def client(self) -> AirflowClient:
        """Signed in."""
        status = self.up()
        return AirflowClient(status.airflow_url, status.user, status.password)

    def ledger(self) -> tuple[int, int, int]:
        """Rows in raw and in quarantine, and how many dossiers the batches accepted or set aside."""
        with psycopg.connect(EmbeddedPostgres(self.settings.local).warehouse_dsn) as connection:
            row = connection.execute(
                "select (select count(*) from raw.one_stop_dossier), (select count(*) from quarantine.rejected_row),"
                " (select coalesce(sum(accepted + quarantined), 0) from ops.load_batch where source_id = 'igate')"
            ).fetchone()
        assert row
        return int(row[0]), int(row[1]), int(row[2])


@contextmanager
def platform(dags: Path | None = None) -> Iterator[Platform]:
    """The province's platform, up; with another folder of DAGs if wanted."""
    folder = Path(tempfile.mkdtemp(prefix="onestop-soak-")).resolve()
    folder.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch, SlowSource(first_night(), CLIENT, SECRET) as source:
        options = "page_size: 40, quarantine_limit: 1, timeout_seconds: 60, retry_budget_seconds: 120"
        world = make_world(folder, "unused", {"igate": source.url}, patch, options=options)
        patch.delenv("ONESTOP_WAREHOUSE_DSN")
        settings = config.load(world.settings.file)
        environment = {"ONESTOP_AS_OF": SECOND, **({"AIRFLOW__CORE__DAGS_FOLDER": str(dags)} if dags else {})}
        here = Platform(settings, source, environment)
        try:
            here.up()
            onestop(here, "ingest", "reference")
            yield here
        finally:
            local_platform.down(settings)
            EmbeddedPostgres(settings.local).destroy()
            shutil.rmtree(folder)


def onestop(here: Platform, *words: str) -> subprocess.Popen[bytes]:
    """A command by hand; waited for, unless it is an ingest of the source."""
    command = [
        str(Path(sys.executable).parent / "onestop"),
        *words,
        "--config",
        str(here.settings.file),
        "--as-of",
        SECOND,
    ]
    process = subprocess.Popen(command, env={**os.environ}, stdout=subprocess.DEVNULL)
    if words != ("ingest", "igate"):
        assert process.wait(120) == 0
    return process


def scheduler_killed() -> dict[str, float]:
    """The scheduler and all that it started are killed while an ingest is under way; `onestop up` is all that is done."""
    with platform() as here:
        here.source.slow = 3
        with here.client() as client:
            run = client.trigger(source_dag("igate"))
            wait_until(lambda: here.source.records_served > 0, 120)
            kill(service for service in services(here.settings) if service.name == "scheduler")
            here.source.slow = 0
            began = time.monotonic()
        with here.client() as client:
            wait_until(lambda: client.run(run.dag_id, run.run_id).state == "success", RECOVERS_WITHIN)
            took = time.monotonic() - began
        raw, rejected, said = here.ledger()
        assert raw + rejected == said == BEFORE, (raw, rejected, said)
    return {"seconds_until_the_task_was_done": took}


def broken_dag() -> dict[str, float]:
    """Two files that cannot be read lie beside the DAGs: they are named, and the others run."""
    with tempfile.TemporaryDirectory() as folder:
        dags = Path(folder).resolve() / "dags"
        shutil.copytree(resource("dags"), dags, ignore=shutil.ignore_patterns("__pycache__"))
        Path(folder).chmod(0o755)
        for name, text in BROKEN.items():
            (dags / name).write_text(text, encoding="utf-8")
        with platform(dags) as here, here.client() as client:
            wait_until(lambda: {Path(name).name for name in client.import_errors()} == set(BROKEN), 60)
            client.wait(client.trigger(source_dag("igate")), timeout_seconds=180)
            assert here.ledger()[2] == BEFORE
    return {}


def runs_at_once() -> dict[str, float]:
    """Two runs of the source's DAG, a backfill of it and a command by hand; each dossier is there once."""
    with platform() as here, here.client() as client:
        here.source.slow = 0.5
        hand = onestop(here, "ingest", "igate")
        runs = [client.trigger(source_dag("igate")) for _ in range(2)]
        told = {"source": "igate", "from": "2024-08-01", "to": "2024-10-01", "reason": "a soak"}
        runs.append(client.trigger(BACKFILL_DAG, told))
        for run in runs:
            client.wait(run, timeout_seconds=300)
        assert hand.wait(300) == 0
        raw, rejected, said = here.ledger()
        assert raw + rejected == said == BEFORE, (raw, rejected, said)
    return {}


def kill(servers: Iterable[Service]) -> None:
    """kill -9 of servers and of all that they started, at once; they are gone then."""
    members = [process for server in servers for process in server.members()]
    for process in members:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(members, timeout=10)


def wait_until(is_so: Callable[[], bool], seconds: float) -> None:
    """Ask twice a second until it is so."""
    end = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.5)
