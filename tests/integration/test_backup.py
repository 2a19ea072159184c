"""A backup is worth what its restore shows; what policy removes, and what it never does."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from onestop import config
from onestop.cli.app import app
from onestop.clock import system_now
from onestop.config import Settings
from onestop.errors import ConfigurationError, OnestopError
from onestop.pipeline import backup as backups
from onestop.pipeline import maintenance
from onestop.warehouse.connection import connect
from onestop.warehouse.dump import in_database
from onestop.warehouse.embedded import WAREHOUSE, EmbeddedPostgres

pytestmark = [pytest.mark.integration, pytest.mark.every_server]
NOW = datetime.fromisoformat("2026-11-25T21:00:00+07:00")
DAY = timedelta(days=1)


def do(dsn: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    with closing(connect(dsn, autocommit=True)) as connection:
        done = connection.execute(query.encode(), values or None)
        return done.fetchall() if done.description else []


def batch(dsn: str, finished: datetime, state: str = "loaded", path: str | None = None) -> int:
    ((made,),) = do(
        dsn,
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version, landing_path)"
        " values ('igate', 'dossier', 'test', 0, 0, 0, 0, 0, %s, %s, %s, %s, true, false, 'test', %s) returning batch_id",
        finished, finished, state, finished, path,
    )  # fmt: skip
    return int(made)


@pytest.fixture
def settings(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", warehouse)
    (tmp_path / "province.yml").write_text(
        "province: {code: H15, name_vi: Đắk Lắk}\n"
        "maintenance: {keep_backups: 2, landing_days: 30, log_days: 90, quarantine_payload_days: 365}\n"
        'sources: [{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:1", credentials: IGATE}]\n',
        encoding="utf-8",
    )
    return config.load(tmp_path / "province.yml")


@pytest.fixture
def may_make_databases(postgres: EmbeddedPostgres) -> Iterator[None]:
    with psycopg.connect(postgres.admin_dsn, autocommit=True) as admin:
        admin.execute(f"alter role {WAREHOUSE} createdb".encode())
        try:
            yield
        finally:
            admin.execute(f"alter role {WAREHOUSE} nocreatedb".encode())
            rows = admin.execute("select datname from pg_database where datname ~ '^(onestop_proof_|restored)'")
            left = [row[0] for row in rows]
            for name in left:
                admin.execute(f"drop database {name} with (force)".encode())
    assert not [name for name in left if name.startswith("onestop_proof_")], "a proof removes its database"


def edition(dsn: str) -> None:
    """A draft with one row in one of its tables: as much as a hash needs."""
    ((edition_id,),) = do(
        dsn,
        "insert into published.edition (period_convention, period, version, status, known_at, period_from, period_to,"
        " is_preliminary, drafted_at, drafted_by, code_version)"
        " values ('statutory', '2024-Q3', 1, 'draft', now(), '2024-06-15', '2024-09-14', false, now(), 'B', '1')"
        " returning edition_id",
    )
    do(dsn, "insert into published.input values (%s, 7, 'igate', 'dossier', 'origin', null, 9, now())", edition_id)


def test_proved_restored_and_found_out(settings: Settings, warehouse: str, may_make_databases: None) -> None:
    batch(warehouse, NOW)
    edition(warehouse)
    made = backups.backup(settings)
    assert made.proved and made.editions == 1 and made.rows > 10
    assert do(warehouse, "select task, details->'proved' from ops.maintenance_run") == [("backup", True)]
    assert (made.path.stat().st_mode & 0o777, (made.path / "warehouse.dump").stat().st_mode & 0o777) == (0o700, 0o600)

    batch(warehouse, NOW)  # after the backup: not in it
    done = CliRunner().invoke(app, ["restore", "--database", "restored", "--config", str(settings.file), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"] == made.rows
    beside = in_database(warehouse, "restored")
    assert do(beside, "select count(*) from ops.load_batch") == [(1,)]
    with pytest.raises(psycopg.Error, match="permission denied|frozen"):  # what guards editions came with them
        do(beside, "update published.input set accepted = 8")
    with pytest.raises(ConfigurationError, match="there is a database 'restored' already"):
        backups.restore(settings, None, "restored")

    # A manifest that says otherwise: of one row, and of one hash.
    manifest = json.loads((made.path / "manifest.json").read_text())
    for what, name, value in (("rows", "ops.load_batch", 2), ("editions", "1", {"sha256": "", "content": []})):
        wrong = {**manifest, what: {**manifest[what], name: value}}
        (made.path / "manifest.json").write_text(json.dumps(wrong))
        with pytest.raises(OnestopError, match=f"differs in {what} {name}"):
            backups.restore(settings, made.path, f"restored_{what}")
    # A byte of the file.
    (made.path / "manifest.json").write_text(json.dumps(manifest))
    content = bytearray((made.path / "warehouse.dump").read_bytes())
    content[len(content) // 2] ^= 1
    (made.path / "warehouse.dump").write_bytes(content)
    with pytest.raises(OnestopError, match="is not the file that was written"):
        backups.restore(settings, made.path, "restored_broken")


def test_without_the_right_to_make_databases(settings: Settings, warehouse: str) -> None:
    with pytest.raises(ConfigurationError, match="may not make databases") as caught:
        backups.backup(settings)
    assert "createdb" in str(caught.value)
    assert do(warehouse, "select count(*) from ops.maintenance_run") == [(0,)]
    made = [backups.backup(settings, prove=False) for _ in range(1)]
    assert not made[0].proved
    assert do(warehouse, "select details ? 'proved' from ops.maintenance_run") == [(False,)]
    assert len(backups.backups(settings)) == 2  # keep_backups; the unproved ones are there to look at


def test_no_backup_yet(settings: Settings) -> None:
    with pytest.raises(ConfigurationError, match="holds no backup"):
        backups.restore(settings, None, "restored")


def test_retention_by_policy_and_nothing_else(settings: Settings, warehouse: str) -> None:
    def landed(name: str, finished: datetime, state: str) -> Path:
        folder = Path(settings.landing_url) / f"igate/dossier/202401/{name}"
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text("{}")
        batch(warehouse, finished, state, f"igate/dossier/202401/{name}")
        return folder

    old = landed("old", NOW - 31 * DAY, "loaded")
    young = landed("young", NOW - 29 * DAY, "loaded")
    refused = landed("refused", NOW - 31 * DAY, "refused")  # may still be replayed
    outside = settings.root / "precious"
    outside.mkdir()
    batch(warehouse, NOW - 99 * DAY, "loaded", "../../precious")
    logs = settings.local / "logs" / "airflow" / "dag_id=x"
    logs.mkdir(parents=True)
    for name, age in (("old.log", 91), ("young.log", 89)):
        (logs / name).write_text("")
        moment = (NOW - age * DAY).timestamp()
        os.utime(logs / name, (moment, moment))
    for number, (status, age) in enumerate((("open", 400), ("dismissed", 400), ("replayed", 364))):
        do(
            warehouse,
            "insert into quarantine.rejected_row (source_id, entity, batch_id, row_number, rule_ids, warning_ids, payload,"
            " first_seen_at, status, content_hash) values ('igate', 'dossier', (select max(batch_id) from ops.load_batch),"
            " %s, '{}', '{}', '{\"a\": 1}', %s, %s, %s)", number, NOW - age * DAY, status, bytes([number]),
        )  # fmt: skip
    done = maintenance.retain(settings, NOW)
    assert (done.landing_runs, done.log_files, done.payloads) == (1, 1, 1)
    assert [p.exists() for p in (old, young, refused, outside)] == [False, True, True, True]
    assert [p.name for p in logs.iterdir()] == ["young.log"]
    assert do(warehouse, "select status, payload from quarantine.rejected_row order by row_number") == [
        ("open", {"a": 1}), ("dismissed", {}), ("replayed", {"a": 1}),
    ]  # fmt: skip
    again = maintenance.retain(settings, NOW)
    assert (again.landing_runs, again.log_files, again.payloads) == (0, 0, 0)
    done_by_command = CliRunner().invoke(app, ["maintenance", "--config", str(settings.file), "--json"])
    assert done_by_command.exit_code == 0, done_by_command.output
    assert json.loads(done_by_command.stdout)["vacuumed"] > 20
    assert system_now() - do(warehouse, "select max(last_vacuum) from pg_stat_user_tables")[0][0] < DAY


def test_airflows_history_is_cleaned_by_its_own_command(
    settings: Settings, warehouse: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Airflow itself, on a fresh SQLite of its own: the command's words must be those that this version takes."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW")} | {
        "AIRFLOW_HOME": str(tmp_path / "airflow"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{tmp_path}/airflow.db",
    }
    nowhere = environment | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "sqlite:////no/such/folder/airflow.db"}
    with pytest.raises(OnestopError, match="airflow db clean failed"):
        maintenance.clean_airflow(settings, NOW, nowhere)
    import subprocess
    import sys

    subprocess.run([sys.executable, "-m", "airflow", "db", "migrate"], env=environment, check=True, capture_output=True)
    assert maintenance.clean_airflow(settings, NOW, environment) == "removed what ended before 2026-08-27"
    assert do(warehouse, "select details->>'before' from ops.maintenance_run where task = 'airflow'") == [
        ("2026-08-27T21:00:00+07:00",)
    ]
