"""Around the models: how fresh their sources are, and their documentation as a page."""

from __future__ import annotations

import logging
from contextlib import closing
from pathlib import Path

from onestop.config import Settings
from onestop.landing import ledger
from onestop.transform import documents, freshness
from onestop.transform.freshness import Freshness
from onestop.warehouse.connection import connect
from onestop.warehouse.migrations import migrated

log = logging.getLogger(__name__)
__all__ = ["Freshness", "check_freshness", "write_docs"]


def check_freshness(settings: Settings) -> list[Freshness]:
    """Look how old each source table is, and file what was found in ops.source_freshness.

    Raises:
        OnestopError: dbt could not look; how late a source is never raises.
    """
    dsn = migrated(settings, "transformer")
    with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
        ledger.sync_sources(connection, [(s.id, s.kind) for s in settings.sources])
    found = freshness.check_freshness(
        dsn,
        province_code=settings.province.code,
        timezone=settings.province.timezone,
        target_path=settings.local / "dbt-freshness",  # a build may run meanwhile, in its own folder
    )
    for one in found:
        if one.status != "fresh":
            log.warning("%s is %s: the newest delivery ended %s", one.table, one.status, one.loaded_at or "never")
    return found


def write_docs(settings: Settings, destination: Path | None = None) -> Path:
    """Write the models' documentation; by default to `.local/docs/models.html`.

    Raises:
        OnestopError: dbt could not write it.
    """
    dsn = migrated(settings, "transformer")
    return documents.write_docs(
        dsn,
        province_code=settings.province.code,
        timezone=settings.province.timezone,
        target_path=settings.local / "dbt-docs",
        destination=destination or settings.local / "docs" / "models.html",
    )
