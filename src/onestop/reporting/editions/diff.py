"""An edition beside the one before: every cell that differs, and every dossier or item that moved, with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row

from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.reporting.editions import store
from onestop.reporting.editions.model import Edition


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure that differs; a row that is missing on one side has no numbers there. `difference` is of the values, of
    which one that is missing counts as 0 where the metric is a count."""

    org_view: str
    agency_code: str
    field_code: str
    metric_code: str
    old_numerator: Decimal | None
    old_denominator: Decimal | None
    old_value: Decimal | None
    new_numerator: Decimal | None
    new_denominator: Decimal | None
    new_value: Decimal | None
    difference: Decimal | None


@dataclass(frozen=True, slots=True)
class Diff:
    """What an edition changed."""

    old: Edition
    new: Edition
    cells: list[Cell]
    moved: list[dict[str, Any]]

    @property
    def reasons(self) -> Mapping[str, int]:
        """How many dossiers and items moved for each reason."""
        counts: dict[str, int] = {}
        for row in self.moved:
            counts[row["reason_code"]] = counts.get(row["reason_code"], 0) + 1
        return counts


_CELLS = """
    select
        org_view, agency_code, field_code, metric_code,
        old.numerator as old_numerator, old.denominator as old_denominator, old.value as old_value,
        new.numerator as new_numerator, new.denominator as new_denominator, new.value as new_value,
        case
            when coalesce(old.denominator, new.denominator) is null
                then coalesce(new.value, 0) - coalesce(old.value, 0)
            else new.value - old.value
        end as difference
    from (select * from published.quarterly_metric where edition_id = %(old)s) as old
    full join (select * from published.quarterly_metric where edition_id = %(new)s) as new
        using (org_view, agency_code, field_code, metric_code)
    where (old.numerator, old.denominator, old.value) is distinct from (new.numerator, new.denominator, new.value)
        and (%(agency)s::text is null or agency_code = %(agency)s)
    order by org_view collate "C" desc, agency_code collate "C", field_code collate "C", metric_code collate "C"
"""
_MOVED = """
    with listed as (
        select dossier.edition_id, dossier.dossier_code as item_code, counting.numerators, counting.denominators,
            place.chain_as_was, place.chain_as_is, dossier.field_code, dossier.processing_working_days,
            dossier.received_on, dossier.due_on, dossier.finished_on, dossier.status
        from published.dossier as dossier
        join published.counting as counting using (edition_id, counting_id)
        join published.place as place using (edition_id, place_id)
        where dossier.edition_id in (%(old)s, %(new)s)
            and dossier.dossier_code in (
                select item_code from published.moved where edition_id = %(new)s and item_kind = 'dossier'
            )
    )
    select
        moved.item_kind, moved.item_code, moved.reason_code, moved.change, moved.agency_code_before,
        moved.agency_code_after, moved.batch_id_before, moved.batch_id_after,
        array(select unnest(old.numerators) except select unnest(new.numerators) order by 1) as no_longer_counted_in,
        array(select unnest(new.numerators) except select unnest(old.numerators) order by 1) as newly_counted_in,
        to_jsonb(old) - '{edition_id,item_code,numerators,denominators}'::text[] as before,
        to_jsonb(new) - '{edition_id,item_code,numerators,denominators}'::text[] as after
    from published.moved as moved
    left join listed as old
        on old.edition_id = %(old)s and old.item_code = moved.item_code and moved.item_kind = 'dossier'
    left join listed as new
        on new.edition_id = %(new)s and new.item_code = moved.item_code and moved.item_kind = 'dossier'
    where moved.edition_id = %(new)s
        and (
            %(agency)s::text is null
            or %(agency)s = any(old.chain_as_was || old.chain_as_is || new.chain_as_was || new.chain_as_is)
            or %(agency)s in (moved.agency_code_before, moved.agency_code_after)
        )
    order by moved.item_kind collate "C", moved.reason_code collate "C", moved.item_code collate "C"
"""


def diff(
    connection: psycopg.Connection[Any], period: Period, *, version: int | None = None, agency: str | None = None
) -> Diff:
    """An edition (the newest, drafts too) beside the one before it.

    Args:
        connection: to the warehouse; only read from.
        period: whose editions.
        version: the later of the two; None: the newest.
        agency: only this unit's cells, and only what counts for it before or after.

    Raises:
        OnestopError: there is no such edition, or none before it.
    """
    new = store.edition(connection, period, version)
    if new.version == 1:
        raise OnestopError(
            f"{new.name} is the first; there is none before it to compare with",
            next_step=f"after later data: onestop quarter restate {period} --reason '...'",
        )
    old = store.edition(connection, period, new.version - 1)
    given = {"old": old.edition_id, "new": new.edition_id, "agency": agency}
    with connection.cursor(row_factory=class_row(Cell)) as cursor:
        cells = cursor.execute(_CELLS.encode(), given).fetchall()
    with connection.cursor(row_factory=dict_row) as rows:
        moved = rows.execute(_MOVED.encode(), given).fetchall()
    return Diff(old, new, cells, moved)
