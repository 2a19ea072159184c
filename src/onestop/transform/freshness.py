"""How old the newest delivery of each kind of source is: dbt's source freshness, run and filed in ops.source_freshness.

The limits stand in dbt_project/models/staging/sources.yml. Nothing waits for the verdict: a late source is shown, and
its figures are built from what there is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from onestop.errors import BuildFailed
from onestop.resources import resource
from onestop.transform.dbt import executable, run, variables
from onestop.transform.profile import environment, write_profile
from onestop.transform.results import explain_without_results
from onestop.warehouse.connection import connect

VERDICTS = {"pass": "fresh", "warn": "late", "error": "very late"}
"""What dbt says, and what is shown of it."""


@dataclass(frozen=True)
class Freshness:
    """The age of one source table.

    Attributes:
        table: `raw.one_stop_dossier`, ...
        loaded_at: when its newest delivery ended; of several sources the one that is behind. None: never.
        age_seconds: from then to checked_at. None: never.
        status: fresh, late or very late.
        warn_after_seconds, error_after_seconds: from which age on it is late, and very late.
        checked_at: when it was looked at.
    """

    table: str
    loaded_at: datetime | None
    age_seconds: float | None
    status: str
    warn_after_seconds: int
    error_after_seconds: int
    checked_at: datetime


def check_freshness(dsn: str, *, province_code: str, timezone: str, target_path: Path) -> list[Freshness]:
    """Look how old each source table is, and file what was found.

    Raises:
        BuildFailed: dbt could not look at a table, or looked at none.
        WarehouseUnavailable: the server cannot be reached.
        ConfigurationError: dbt is not installed beside this Python.
    """
    target_path = target_path.absolute()
    results = target_path / "sources.json"
    command = [
        *executable(),
        *("source", "freshness", "--project-dir", str(resource("dbt_project"))),
        *("--profiles-dir", str(target_path / "profiles"), "--output", str(results)),
        *("--target-path", str(target_path), "--log-path", str(target_path / "logs")),
        *("--vars", variables(province_code, timezone)),
    ]
    with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
        write_profile(target_path / "profiles", connection, dsn)
        results.unlink(missing_ok=True)
        output = run(command, environment(connection, datetime.now(UTC)), target_path)
        if not results.exists():
            raise explain_without_results(output, target_path)
        found = list(_read(json.loads(results.read_text(encoding="utf-8"))["results"]))
        if not found:
            raise BuildFailed(
                "dbt looked at the freshness of no source",
                next_step="install the onestop wheel again: limits are missing",
            )
        _file(connection, found)
    return found


def newest_freshness(connection: psycopg.Connection[tuple[object, ...]]) -> list[Freshness]:
    """What the last look found; nothing before the first."""
    rows = connection.execute(
        "select table_name, loaded_at, age_seconds, status, warn_after_seconds, error_after_seconds, checked_at"
        " from ops.source_freshness where checked_at = (select max(checked_at) from ops.source_freshness)"
        " order by table_name"
    )
    return [Freshness(*row) for row in rows]  # type: ignore[arg-type]


def _read(results: Iterable[dict[str, object]]) -> Iterable[Freshness]:
    checked_at = datetime.now(UTC)
    for result in results:
        table = ".".join(str(result["unique_id"]).split(".")[-2:])
        status = str(result["status"])
        if status not in VERDICTS:
            raise BuildFailed(
                f"dbt could not tell how fresh {table} is: {result.get('error') or status}",
                next_step="see that the server runs and the migrations are applied, then run `onestop freshness` again",
            )
        loaded_at = datetime.fromisoformat(str(result["max_loaded_at"]))
        never = loaded_at.year == 1  # how dbt writes that there is no row at all
        limits: dict[str, dict[str, object]] = result["criteria"]  # type: ignore[assignment]
        yield Freshness(
            table=table,
            loaded_at=None if never else loaded_at,
            age_seconds=None if never else float(str(result["max_loaded_at_time_ago_in_s"])),
            status=VERDICTS[status],
            warn_after_seconds=_seconds(limits["warn_after"]),
            error_after_seconds=_seconds(limits["error_after"]),
            checked_at=checked_at,
        )


def _seconds(limit: dict[str, object]) -> int:
    return int(str(limit["count"])) * {"minute": 60, "hour": 3600, "day": 86400}[str(limit["period"])]


def _file(connection: psycopg.Connection[tuple[object, ...]], found: list[Freshness]) -> None:
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.source_freshness (checked_at, table_name, loaded_at, age_seconds, status,"
            " warn_after_seconds, error_after_seconds) values (%s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    f.checked_at,
                    f.table,
                    f.loaded_at,
                    f.age_seconds,
                    f.status,
                    f.warn_after_seconds,
                    f.error_after_seconds,
                )
                for f in found
            ],
        )
