"""Seconds to reconcile 250,000 dossiers of the province with 250,000 of the portal, and whether the result is exact.

The rows are planted (onestop.sandbox.planted), with every kind of difference. Timed is what the reconciliation adds to a build:
its models with their tests, as one dbt process, and the history that follows; what it reads was built before.
"""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import closing
from pathlib import Path

import psycopg

from bench.place import planted_place
from onestop.quality.reconciliation import follow
from onestop.resources import resource
from onestop.sandbox import planted
from onestop.transform.dbt import build, executable
from onestop.transform.profile import environment, write_profile
from onestop.warehouse.connection import connect

DOSSIERS = 250_000
MODELS = (
    "path:models/intermediate/reconciliation",
    "build_moment",
    "reconciliation_pair",
    "reconciliation_dossier",
    "reconciliation_period",
)
WRONG = """
select count(*)
from planted as p
left join intermediate.int_dossier__link as l on l.dossier_code = coalesce(p.here_code, p.there_code)
full join mart.reconciliation_dossier as f on f.dossier_group = coalesce(l.dossier_group, p.here_code, p.there_code)
where (p.result, p.has_status, p.has_received, p.has_appointment, p.has_finished, p.has_unit) is distinct from (
    f.result, f.has_status_conflict, f.has_received_conflict, f.has_appointment_conflict, f.has_finished_conflict,
    f.has_unit_conflict
)
"""


def measure(dossiers: int = DOSSIERS) -> dict[str, float]:
    """What -> how much: dossiers of each side, seconds of each part, dossiers with another result than planted."""
    with planted_place(dossiers) as (dsn, folder):
        began = time.monotonic()
        build(
            dsn,
            province_code=planted.PROVINCE,
            timezone="Asia/Ho_Chi_Minh",
            known_at=planted.KNOWN_AT,
            layers=("staging", "intermediate", "marts"),
            target_path=folder / "dbt",
        )
        built = time.monotonic()
        # As the build connects: with another profile dbt would parse all models anew, which no night does.
        with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
            _reconcile(connection, dsn, folder / "dbt")
        with closing(connect(dsn, autocommit=True)) as connection:
            modelled = time.monotonic()
            within = json.loads((folder / "dbt" / "run_results.json").read_text(encoding="utf-8"))["elapsed_time"]
            follow(connection)
            followed = time.monotonic()
            here, there = connection.execute(
                "select count(here_code), count(there_code) from mart.reconciliation_dossier"
            ).fetchall()[0]
            wrong = connection.execute(WRONG.encode()).fetchall()[0][0]
    return {
        "dossiers here": here,
        "dossiers on the portal": there,
        "seconds of the whole build before": built - began,
        "seconds of the reconciliation's models and tests": modelled - built,
        "of these within dbt's nodes, without its start and end": within,
        "seconds of the history": followed - modelled,
        "dossiers with another result than planted": wrong,
    }


def _reconcile(connection: psycopg.Connection[tuple[object, ...]], dsn: str, target: Path) -> None:
    """The reconciliation's own models again, whole and with their tests."""
    write_profile(target / "profiles", connection, dsn)
    names = {"province_code": planted.PROVINCE, "timezone": "Asia/Ho_Chi_Minh"}
    subprocess.run(
        [
            *(*executable(), "build", "--project-dir", str(resource("dbt_project"))),
            *("--profiles-dir", str(target / "profiles"), "--target-path", str(target)),
            *("--log-path", str(target / "logs"), "--vars", json.dumps(names)),
            *("--full-refresh", "--exclude-resource-type", "unit_test"),
            *("--indirect-selection", "buildable", "--select", *MODELS),
        ],
        env=environment(connection, planted.KNOWN_AT),
        stdout=subprocess.DEVNULL,
        check=True,
    )
