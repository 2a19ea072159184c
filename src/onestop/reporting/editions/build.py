"""The build that drafts are taken from: the newest that reached the reports."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from onestop.errors import OnestopError


@dataclass(frozen=True, slots=True)
class Build:
    """What the models show: the moment they know, and whether something was loaded since."""

    known_at: datetime
    is_behind: bool


def newest_build(connection: psycopg.Connection[Any]) -> Build:
    """The build that drafts are taken from.

    Raises:
        OnestopError: there is none.
    """
    row = connection.execute(
        "select known_at, exists (select from ops.load_batch where state = 'loaded' and accepted > 0"
        " and load_batch.finished_at > build.finished_at)"
        " from ops.build where 'reports' = any(layers) order by build_id desc limit 1"
    ).fetchone()
    if row is None:
        raise OnestopError("the models have not been built yet", next_step="run `onestop transform` first")
    return Build(row[0], row[1])
