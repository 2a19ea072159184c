"""Whether a build follows the change or is whole: the one place where that is decided, and what it is decided by.

A round is a build of all layers, in one call or layer by layer. It follows the change (docs/adr/0006) only where the
round before finished with every layer built and no test failed, and where nothing changed that all dossiers depend on.
In doubt it is whole: that is always right, and only slower.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from onestop.logs import say

__all__ = ["Round", "begin", "finish", "hash_of_code"]

DECIDING = "intermediate"
"""The layer whose build begins a round: what the others follow was decided with it."""

_LAYERS_OF_A_ROUND = ("intermediate", "marts", "reports")
_REASONS = {
    "code": "the models' SQL, seeds or settings are not those of the build before",
    "province": "the province's settings are not those of the build before",
    "sources": "the sources in province.yml are not those of the build before",
    "procedures": "the catalogue of procedures changed",
    "working days": "the working day exceptions changed",
    "years": "a year began",
}
LARGE_ROWS = 20_000
"""More new rows than this are looked at beside the history:"""
LARGE_SHARE = 0.1
"""of a change that may touch this part of all dossiers a whole build is cheaper, since it reads each table once."""
TESTED_WHOLE_EVERY = timedelta(days=7)
"""So old may the last test of all rows be; then a build that follows reads all of them too."""
_TESTS = "tests"  # beside what a build was built from; rounds before did not say: they tested all
_TESTED_WHOLE = f"coalesce(built_from ->> '{_TESTS}', 'all') = 'all'"
_REFERENCE = {"procedures": "procedure", "working days": "working_day_exception"}
_CODE = ("models/**/*.sql", "macros/**/*.sql", "seeds/*.csv", "dbt_project.yml")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Round:
    """How the models are built now.

    Attributes:
        round_id: its row in ops.build_round; None: it is not kept (a set of schemas beside the served ones).
        is_whole: all of the history; else what changed since the round before.
        reason: why, in plain words.
        is_tested_whole: its tests read all rows; else, of tables that keep theirs, what the build made anew.
    """

    round_id: int | None
    is_whole: bool
    reason: str
    is_tested_whole: bool = True


def begin(
    connection: psycopg.Connection[Any],
    *,
    layers: Sequence[str],
    known_at: datetime,
    timezone: str,
    code: str,
    province: str,
    whole: str | None = None,
) -> Round:
    """Decide how these layers are built, and begin a round where the first of them is among them.

    Args:
        code: the hash of what the models say (hash_of_code).
        province: what they are told of the province.
        whole: a reason to build whole whatever changed.
    """
    if DECIDING not in layers:
        row = connection.execute(
            f"select round_id, is_whole, reason, {_TESTED_WHOLE} from ops.build_round order by round_id desc limit 1"
        ).fetchone()
        if row is None:
            return Round(None, True, "nothing was built before")
        return Round(*row)
    built_from = _built_from(connection, known_at, timezone, code, province)
    found = whole or _reason_for_whole(connection, known_at, built_from)
    reason = found or "what changed since the build before"
    is_tested_whole = found is not None or _is_test_due(connection, known_at)
    ((round_id,),) = connection.execute(
        "insert into ops.build_round (known_at, is_whole, reason, built_from) values (%s, %s, %s, %s) returning round_id",
        [
            known_at,
            found is not None,
            reason,
            json.dumps({**built_from, _TESTS: "all" if is_tested_whole else "touched"}),
        ],
    ).fetchall()
    log.info("building %s: %s", "the whole history" if found else "the change", reason)
    say(log, "build", is_whole=found is not None, reason=reason, known_at=known_at)
    return Round(round_id, found is not None, reason, is_tested_whole)


def finish(connection: psycopg.Connection[Any], built: Round, layers: Sequence[str]) -> None:
    """Say that these layers of the round were built and that no test failed; the last of them finishes it."""
    connection.execute(
        "update ops.build_round set layers = layers || %(layers)s, finished_at = case"
        " when layers || %(layers)s @> %(all)s then coalesce(finished_at, now()) end where round_id = %(round)s",
        {"layers": list(layers), "all": list(_LAYERS_OF_A_ROUND), "round": built.round_id},
    )


def hash_of_code(project: Path) -> str:
    """The hash of all that decides what the models make of the rows."""
    digest = hashlib.sha256()
    for file in sorted(file for pattern in _CODE for file in project.glob(pattern)):
        digest.update(file.relative_to(project).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def _reason_for_whole(
    connection: psycopg.Connection[Any], known_at: datetime, built_from: dict[str, str]
) -> str | None:
    row = connection.execute(
        "select known_at, built_from, finished_at, layers from ops.build_round order by round_id desc limit 1"
    ).fetchone()
    if row is None:
        return "nothing was built before"
    before, was_built_from, finished_at, layers = row
    if finished_at is None:
        return f"the build before did not end well (layers that did: {', '.join(layers) or 'none'})"
    if known_at < before:
        return f"it is for an earlier moment than the build before, {before.isoformat()}"
    if not _stands_as_left(connection, before):
        return "the tables are not as the build before left them"
    changed = next((_REASONS[what] for what, value in built_from.items() if was_built_from.get(what) != value), None)
    return changed or _reason_for_size(connection)


def _is_test_due(connection: psycopg.Connection[Any], known_at: datetime) -> bool:
    ((tested_at,),) = connection.execute(
        f"select max(known_at) from ops.build_round where {_TESTED_WHOLE} and finished_at is not null"
    ).fetchall()
    return tested_at is None or known_at - tested_at >= TESTED_WHOLE_EVERY


def _reason_for_size(connection: psycopg.Connection[Any]) -> str | None:
    ((rows, dossiers),) = connection.execute(
        "select (select coalesce(sum(received), 0) from ops.load_batch where state = 'loaded'"
        " and entity in ('dossier', 'payment', 'rating')"
        " and batch_id not in (select batch_id from intermediate.int_build__batch where not is_ahead)),"
        " (select greatest(reltuples, 0) from pg_class where oid = 'mart.fct_dossier'::regclass)"
    ).fetchall()
    if rows > LARGE_ROWS and rows > LARGE_SHARE * dossiers:
        return f"{rows:,} rows came since the build before, beside {dossiers:,.0f} dossiers: all at once is cheaper"
    return None


def _stands_as_left(connection: psycopg.Connection[Any], known_at: datetime) -> bool:
    """Whether the tables are there, and no other hand built them since."""
    there = connection.execute(
        "select to_regclass('intermediate.int_build__moment') is not null and to_regclass('mart.fct_dossier') is not null"
    ).fetchone()
    if not there or not there[0]:
        return False
    found = connection.execute("select known_at from intermediate.int_build__moment").fetchone()
    return found is not None and found[0] == known_at


def _built_from(
    connection: psycopg.Connection[Any], known_at: datetime, timezone: str, code: str, province: str
) -> dict[str, str]:
    sources = connection.execute(
        "select source_id, kind, position, removed_at is null from ops.source order by source_id"
    ).fetchall()
    reference = dict(
        connection.execute(
            "select entity, max(batch_id) from ops.load_batch where source_id = 'reference' and state = 'loaded'"
            " group by entity"
        ).fetchall()
    )
    local = known_at.astimezone(ZoneInfo(timezone))
    statutory = local.year + (local.month == 12 and local.day >= 15)
    return {
        "code": code,
        "province": province,
        "sources": json.dumps(sources),
        **{name: str(reference.get(entity)) for name, entity in _REFERENCE.items()},
        # Dossiers in progress are counted in all months to the end of the year under way, of either convention.
        "years": f"{local.year}, statutory {statutory}",
    }
