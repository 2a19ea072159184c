"""What lies in quarantine, for whom, since when, under which rule; and what people decide about it.

Nothing here opens a payload. Every change of a status is written to quarantine.row_event, which is append-only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from onestop.errors import ConfigurationError

Connection = psycopg.Connection[tuple[object, ...]]
Status = Literal["open", "replayed", "dismissed", "any"]
SHORTEST_REASON, LONGEST_REASON = 5, 500  # characters
UNKNOWN_UNIT = "?"
"""Stands for rows whose unit is missing or in no reference file."""

_KNOWN_UNIT = """
    exists (select from raw.agency as a where a.agency_code = r.agency_code and a.batch_id = (
        select max(batch_id) from ops.load_batch
        where source_id = 'reference' and entity = 'agency' and state = 'loaded'))
"""
_ROWS = f"""
    with row as (
        select r.rejected_id, r.source_id, r.entity, r.batch_id, r.row_number, r.record_key, r.rule_ids,
            case when {_KNOWN_UNIT} then r.agency_code else '{UNKNOWN_UNIT}' end as unit, r.status,
            r.first_seen_at, r.payload, f.name as file_name, f.sheet,
            (%(as_of)s at time zone %(zone)s)::date - (r.first_seen_at at time zone %(zone)s)::date as days
        from quarantine.rejected_row as r
        left join ops.portal_file as f on f.batch_id = r.batch_id and f.twin_of is null
        where (%(status)s = 'any' or r.status = %(status)s)
            and (%(source)s::text is null or r.source_id = %(source)s)
            and (%(entity)s::text is null or r.entity = %(entity)s)
            and (%(rule)s::text is null or %(rule)s = any(r.rule_ids))
    )
    select * from row
    where (%(unit)s::text is null or unit = %(unit)s) and days >= %(days)s
    order by unit, source_id, entity, batch_id, row_number, rejected_id
"""


@dataclass(frozen=True)
class Selection:
    """Which rows are meant; None: all. unit: a code, or UNKNOWN_UNIT. days: at least so old."""

    source_id: str | None = None
    entity: str | None = None
    unit: str | None = None
    rule_id: str | None = None
    status: Status = "open"
    days: int = 0


@dataclass(frozen=True)
class Waiting:
    """One rejected row. `unit` is UNKNOWN_UNIT where no reference file has it; personal parts of `payload` are sealed."""

    rejected_id: int
    source_id: str
    entity: str
    batch_id: int
    row_number: int
    record_key: str | None
    rule_ids: Sequence[str]
    unit: str
    status: str
    first_seen_at: datetime
    payload: dict[str, Any]
    file_name: str | None
    sheet: str | None
    days: int

    @property
    def place(self) -> str:
        """Where its source delivered it: the file and its row or line, or the delivery and the record's number."""
        if self.file_name:
            sheet = f", sheet {self.sheet}" if self.sheet else ""
            return f"{self.file_name}{sheet}, row {self.row_number}"
        return f"batch {self.batch_id}, record {self.row_number}"


def read_waiting(connection: Connection, wanted: Selection, *, as_of: datetime, zone: ZoneInfo) -> list[Waiting]:
    """The rows of a selection, by unit, source and place; days are counted to `as_of` in local time."""
    values = {
        "source": wanted.source_id, "entity": wanted.entity, "unit": wanted.unit, "rule": wanted.rule_id,
        "status": wanted.status, "days": wanted.days, "as_of": as_of, "zone": str(zone),
    }  # fmt: skip
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(_ROWS, values)
        return [Waiting(**row) for row in cursor]


def unit_names(connection: Connection) -> dict[str, str]:
    """Code -> name of every unit in the reference data in force, its latest name where it had several."""
    rows = connection.execute(
        "select distinct on (agency_code) agency_code, name_vi from raw.agency where batch_id = (select max(batch_id)"
        " from ops.load_batch where source_id = 'reference' and entity = 'agency' and state = 'loaded')"
        " order by agency_code, valid_from desc nulls last"
    )
    return {str(code): str(name) for code, name in rows}


def check_source(connection: Connection, source_id: str | None) -> None:
    """Raises ConfigurationError where the warehouse never had a source of this id."""
    known = [str(row[0]) for row in connection.execute("select source_id from ops.source order by position")]
    if source_id is not None and source_id not in known:
        raise ConfigurationError(
            f"there is no source {source_id}", next_step=f"name one of {', '.join(known) or 'those of province.yml'}"
        )


def dismiss(connection: Connection, row_ids: Sequence[int], *, by_whom: str, reason: str, at: datetime) -> None:
    """Close open rows by a person's decision: they will not be corrected and count nowhere.

    Raises:
        ConfigurationError: name or reason is missing, or a row is not open; then none is changed.
    """
    _decide(connection, row_ids, ("open", "dismissed", "dismissed"), by_whom=by_whom, reason=reason, at=at)


def reopen(connection: Connection, row_ids: Sequence[int], *, by_whom: str, reason: str, at: datetime) -> None:
    """Take a dismissal back. Raises as `dismiss`."""
    _decide(connection, row_ids, ("dismissed", "open", "reopened"), by_whom=by_whom, reason=reason, at=at)


def _decide(
    connection: Connection,
    row_ids: Sequence[int],
    change: tuple[str, str, str],
    *,
    by_whom: str,
    reason: str,
    at: datetime,
) -> None:
    before, after, event = change
    who, why, wanted = by_whom.strip(), reason.strip(), sorted(set(row_ids))
    if not who:
        raise ConfigurationError("who decides this is missing", next_step="give your name with --by")
    if not SHORTEST_REASON <= len(why) <= LONGEST_REASON:
        raise ConfigurationError(
            f"a reason has {SHORTEST_REASON} to {LONGEST_REASON} characters",
            next_step="say with --reason why; the history keeps it",
        )
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(
            "update quarantine.rejected_row set status = %s where rejected_id = any(%s) and status = %s"
            " returning rejected_id, rule_ids",
            [after, wanted, before],
        )
        changed = {int(str(number)): rules for number, rules in cursor.fetchall()}
        missing = [number for number in wanted if number not in changed]
        if missing or not wanted:
            raise ConfigurationError(
                f"no rejected row that is {before} has the number {', '.join(map(str, missing)) or '(none given)'}",
                next_step=f"see the numbers with onestop quarantine list --status {before}; nothing was changed",
            )
        cursor.executemany(
            "insert into quarantine.row_event (rejected_id, event, status_before, status_after, happened_at, by_whom,"
            " reason, rule_ids_before, rule_ids_after) values (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [[number, event, before, after, at, who, why, rules, rules] for number, rules in changed.items()],
        )
