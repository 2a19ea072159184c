"""Names that the DAGs and the platform around them agree on. Imports no Airflow: commands read it, too."""

from __future__ import annotations

from onestop.config import Settings

CONFIG_VARIABLE = "ONESTOP_CONFIG"
"""The environment variable that tells the DAGs where province.yml is."""

REFERENCE_DAG = "ingest__reference"
TRANSFORM_DAG = "transform__warehouse"
REPORT_DAG = "report__quarterly"
BACKFILL_DAG = "ops__backfill"
QUARANTINE_DAG = "ops__quarantine_replay"
QUALITY_DAG = "ops__quality"
RECONCILE_DAG = "ops__reconcile"
WATCH_DAG = "ops__source_watch"
MAINTENANCE_DAG = "ops__maintenance"
PROGRESS_MARK = ": records done: "
"""Stands between step and count in the progress lines of a task's log."""


def source_dag(source_id: str) -> str:
    """The DAG that ingests a source."""
    return f"ingest__{source_id}"


def source_pool(source_id: str) -> str:
    """The Airflow pool, of one slot, that everything which asks a source runs in."""
    return f"source__{source_id}"


def pools_of(settings: Settings) -> dict[str, str]:
    """All pools that a province.yml needs, each with its description."""
    return {source_pool(s.id): f"One load of {s.id} at a time" for s in settings.sources}


def expected_dag_ids(settings: Settings) -> frozenset[str]:
    """All DAGs that a province.yml makes."""
    ops = (BACKFILL_DAG, QUARANTINE_DAG, QUALITY_DAG, RECONCILE_DAG, WATCH_DAG, MAINTENANCE_DAG)
    fixed = (REFERENCE_DAG, TRANSFORM_DAG, REPORT_DAG, *ops)
    return frozenset((*fixed, *(source_dag(s.id) for s in settings.sources)))
