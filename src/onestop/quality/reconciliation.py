"""The history of differences between province and portal: they open by themselves, and close when both sides agree.

Read after a build: what `mart.reconciliation_dossier` shows is compared with what is open in
`ops.reconciliation_difference`. Only what changed is written. The history goes forward: a build of an earlier moment than
the last one followed leaves it alone, and the same moment again changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg


@dataclass(frozen=True)
class Followed:
    """What one build did to the history."""

    known_at: datetime
    compared: int
    differing: int
    opened: int
    closed: int


_NOW = """
create temporary table difference_now on commit drop as
select dossier.dossier_group, dossier.dossier_code, kind.kind, dossier.responsible_agency_code as agency_code,
    dossier.likely_cause
from mart.reconciliation_dossier as dossier
cross join lateral (values
    ('only_here', dossier.result = 'only_here'),
    ('only_there', dossier.result = 'only_there'),
    ('status', dossier.has_status_conflict),
    ('date', dossier.has_date_conflict),
    ('unit', dossier.has_unit_conflict)
) as kind (kind, holds)
where dossier.is_difference and kind.holds
    -- what was received after the portal's newest export cannot be known to differ yet
    and dossier.differs_since is not null
"""
_CLOSE = """
update ops.reconciliation_difference as old
set closed_at = %(known_at)s, closed_batch_id = %(batch)s, closed_as = found.result
from (
    select open.difference_id, coalesce(dossier.result, 'gone') as result
    from ops.reconciliation_difference as open
    left join difference_now as now using (dossier_group, kind)
    left join mart.reconciliation_dossier as dossier on open.dossier_group = dossier.dossier_group
    where open.closed_at is null and now.kind is null
) as found
where old.difference_id = found.difference_id
"""
_OPEN = """
insert into ops.reconciliation_difference
    (dossier_group, dossier_code, kind, agency_code, likely_cause, opened_at, opened_batch_id)
select now.dossier_group, now.dossier_code, now.kind, now.agency_code, now.likely_cause, %(known_at)s, %(batch)s
from difference_now as now
left join ops.reconciliation_difference as open
    on now.dossier_group = open.dossier_group and now.kind = open.kind and open.closed_at is null
where open.difference_id is null
order by now.dossier_group, now.kind
"""
_REFRESH = """
update ops.reconciliation_difference as open
set dossier_code = now.dossier_code, agency_code = now.agency_code, likely_cause = now.likely_cause
from difference_now as now
where now.dossier_group = open.dossier_group and now.kind = open.kind and open.closed_at is null
    and (now.dossier_code, now.agency_code, now.likely_cause)
    is distinct from (open.dossier_code, open.agency_code, open.likely_cause)
"""


def follow(connection: psycopg.Connection[tuple[Any, ...]]) -> Followed | None:
    """Bring the history up to the build that the marts show; None where they show an earlier moment than it has seen.

    Opens, closes and the check itself are one transaction: killed at any point, the next call does the same again.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtextextended('onestop.reconciliation', 0))")
        known_at = _value(connection, "select known_at from intermediate.int_build__moment")
        last = _value(connection, "select max(known_at) from ops.reconciliation_check")
        if last is not None and known_at < last:
            return None
        batch = _value(connection, "select max(batch_id) from ops.load_batch where accepted_at <= %s", [known_at])
        when = {"known_at": known_at, "batch": batch}
        connection.execute(_NOW.encode())
        closed = connection.execute(_CLOSE.encode(), when).rowcount
        opened = connection.execute(_OPEN.encode(), when).rowcount
        connection.execute(_REFRESH.encode())
        compared, differing = connection.execute(
            "select count(*) filter (where result <> 'not_expected'), count(*) filter (where is_difference)"
            " from mart.reconciliation_dossier"
        ).fetchall()[0]
        connection.execute(
            "insert into ops.reconciliation_check (known_at, newest_batch_id, compared, differing, opened, closed)"
            " values (%s, %s, %s, %s, %s, %s) on conflict (known_at) do update set"
            " newest_batch_id = excluded.newest_batch_id, compared = excluded.compared, differing = excluded.differing,"
            " opened = reconciliation_check.opened + excluded.opened,"
            " closed = reconciliation_check.closed + excluded.closed, checked_at = now()",
            [known_at, batch, compared, differing, opened, closed],
        )
    return Followed(known_at, compared, differing, opened, closed)


def _value(connection: psycopg.Connection[tuple[Any, ...]], query: str, values: list[object] | None = None) -> Any:
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None
