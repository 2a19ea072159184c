"""What a person decides about rejected rows: dismissed, or reopened."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime

from onestop.config import Settings
from onestop.pipeline.warehouse_faults import explained
from onestop.quality.quarantine_status import dismiss, reopen
from onestop.warehouse.connection import connect
from onestop.warehouse.migrations import migrated


def decide(settings: Settings, again: bool, row_ids: Sequence[int], *, by_whom: str, reason: str, at: datetime) -> None:
    """Dismiss open rows, or (`again`) take their dismissal back; all of them or none.

    Raises:
        ConfigurationError: name or reason is missing, or a row is not in the status that is left.
    """
    with (
        explained("quarantine"),
        closing(connect(migrated(settings, "loader"), autocommit=True, role="loader")) as connection,
    ):
        (reopen if again else dismiss)(connection, row_ids, by_whom=by_whom, reason=reason, at=at)
