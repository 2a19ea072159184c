"""A range of a source pulled again, or a landed delivery loaded again: by hand, with a reason that the ledger keeps.

Neither moves the live cursor. Both wait for the source's lock, so that no two loads of a source run at once.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.pipeline.ingest import ingest
from onestop.pipeline.ingest_result import IngestResult, Progress

BEGINNING = date(1970, 1, 1)
SHORTEST_REASON, LONGEST_REASON = 5, 500  # characters


def backfill(
    settings: Settings,
    source_id: str,
    *,
    first: date,
    last: date,
    reason: str,
    as_of: datetime,
    ignore_window: bool = False,
    progress: Progress | None = None,
) -> IngestResult:
    """Pull again what changed from the first to the last day, both included, in local time.

    An empty range is no fault. What was loaded before counts as duplicate; nothing after `as_of` is asked for.

    Raises:
        ConfigurationError: the range is turned round, the reason is missing, or the source's files are not asked for
            by their time; else as `onestop.pipeline.ingest.ingest`.
        SourceUnavailable, DataRefused: as `ingest`.
    """
    if first > last:
        raise ConfigurationError(
            f"the range ends on {last}, before it begins on {first}", next_step="name the earlier day first"
        )
    start = max(first, BEGINNING)
    end = min(last, as_of.astimezone(settings.zone).date()) + timedelta(days=1)
    return ingest(
        settings,
        source_id,
        as_of=as_of,
        between=(f"{start:%Y%m%d}000000", f"{end:%Y%m%d}000000"),
        reason=_checked(reason),
        ignore_window=ignore_window,
        progress=progress,
    )


def load_again(
    settings: Settings,
    source_id: str,
    *,
    landing_path: str,
    reason: str,
    as_of: datetime,
    progress: Progress | None = None,
) -> IngestResult:
    """Judge and load again what an earlier run of the source landed (ops.load_batch.landing_path).

    Raises:
        ConfigurationError: the path is none, or another source's; the reason is missing.
        DataRefused: as `onestop.pipeline.ingest.ingest`.
    """
    path = landing_path.strip().strip("/")
    if path.split("/")[0] != source_id:
        raise ConfigurationError(
            f"{landing_path!r} is no delivery of {source_id} in the landing",
            next_step="take the path from ops.load_batch.landing_path; it begins with the source's id",
        )
    return ingest(settings, source_id, as_of=as_of, replay_from=path, reason=_checked(reason), progress=progress)


def _checked(reason: str) -> str:
    """On one line, as the ledger keeps it."""
    text = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
    if not SHORTEST_REASON <= len(text) <= LONGEST_REASON:
        raise ConfigurationError(
            f"a reason has {SHORTEST_REASON} to {LONGEST_REASON} characters, this one {len(text)}",
            next_step="say why the range is loaded again, for whoever reads the ledger later",
        )
    return text
