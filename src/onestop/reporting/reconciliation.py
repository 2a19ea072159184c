"""Province against portal for one period: the figures of a report, read from the marts. No figure is made here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import dict_row

from onestop.errors import OnestopError
from onestop.periods import Period

Row = Mapping[str, Any]

MOST_ROWS = 20_000  # of one list in a workbook: nobody works off more by hand

# A dossier belongs to a period for either side: received, in progress or resolved in it.
_IN_PERIOD = (
    "((d.here_received_on <= %(last)s and coalesce(d.here_finished_on, 'infinity') >= %(first)s)"
    " or (d.there_received_on <= %(last)s and coalesce(d.there_finished_on, 'infinity') >= %(first)s))"
)
_UNIT = "(%(agency)s::text is null or d.responsible_agency_code = %(agency)s)"


@dataclass(frozen=True)
class Reconciliation:
    """What was found of the dossiers that were received, in progress or resolved in the period, on either side.

    Attributes:
        results: how many dossiers of each result.
        causes: of each result and likely cause, with the name in Vietnamese, whether it settles itself, and the age.
        units: per responsible unit the dossiers, those that differ, and the oldest difference.
        bridge: the lines from what each system delivered to what the portal shows, for the unit or the province.
        history: how many differences are open, how many the last check opened and closed.
        lateness: how many dossiers each claimant judges otherwise than the rule.
        questions: how many of each kind are asked.
    """

    period: Period
    known_at: datetime
    agency_code: str
    results: Mapping[str, int]
    causes: Sequence[Row]
    units: Sequence[Row]
    bridge: Sequence[Row]
    history: Row
    lateness: Sequence[Row]
    questions: Sequence[Row]
    limit: float | None = field(default=None)

    @property
    def compared(self) -> int:
        """Dossiers that one side or both have, and that can be expected on both."""
        return sum(count for result, count in self.results.items() if result != "not_expected")

    @property
    def differing(self) -> int:
        """Dossiers that differ, those aside that the next delivery can be expected to settle."""
        return sum(row["dossiers"] for row in self.causes if not row["is_pending"])

    @property
    def share(self) -> float:
        """Differing of compared; 0 where there was nothing to compare."""
        return self.differing / self.compared if self.compared else 0.0

    @property
    def is_over_limit(self) -> bool:
        """The province sets a limit, and the share is above it."""
        return self.limit is not None and self.share > self.limit


def read(
    connection: psycopg.Connection[Any],
    period: Period,
    *,
    province_code: str,
    zone: ZoneInfo,
    agency: str | None = None,
    limit: float | None = None,
) -> Reconciliation:
    """The reconciliation of a period, of one responsible unit or of all.

    Raises:
        OnestopError: the models were not built, or do not hold the period.
    """
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute("select to_regclass('mart.reconciliation_dossier') is not null as built")
        if not (cursor.fetchone() or {})["built"]:
            raise OnestopError("the models have not been built yet", next_step="run `onestop transform` first")
        where = {
            **{"first": period.first, "last": period.last, "agency": agency},
            **{"convention": period.convention, "name": period.name, "unit": agency or province_code},
        }

        def rows(query: str) -> list[dict[str, Any]]:
            return cursor.execute(query.encode(), where).fetchall()

        if not rows(
            "select 1 as found from mart.dim_period where period_convention = %(convention)s and period = %(name)s"
        ):
            raise OnestopError(
                f"the warehouse holds no period {period}", next_step="choose a period of mart.dim_period"
            )
        (moment,) = rows("select known_at from intermediate.int_build__moment")
        results = rows(
            "select result, count(*) as dossiers from mart.reconciliation_dossier as d"
            f" where {_IN_PERIOD} and {_UNIT} group by result order by result"
        )
        (history,) = rows(
            "select count(*) filter (where closed_at is null) as open,"
            " min(opened_at) filter (where closed_at is null) as oldest_opened_at,"
            " count(*) filter (where opened_at = last.known_at) as opened_last,"
            " count(*) filter (where closed_at = last.known_at) as closed_last, max(last.known_at) as followed_until"
            " from (select max(known_at) as known_at from ops.reconciliation_check) as last"
            " left join ops.reconciliation_difference as d on %(agency)s::text is null or d.agency_code = %(agency)s"
        )
        return Reconciliation(
            period=period,
            known_at=moment["known_at"].astimezone(zone),
            agency_code=agency or province_code,
            results={row["result"]: row["dossiers"] for row in results},
            causes=rows(
                "select d.result, d.likely_cause, word.name_vi, word.name_en, word.is_pending, count(*) as dossiers,"
                " max(d.age_days) as oldest_days"
                " from mart.reconciliation_dossier as d"
                " join intermediate.reconciliation_cause as word on d.likely_cause = word.cause"
                f" where {_IN_PERIOD} and {_UNIT} group by 1, 2, 3, 4, 5 order by 6 desc, 1, 2"
            ),
            units=rows(
                "select d.responsible_agency_code as agency_code, max(unit.agency_name_vi) as agency_name_vi,"
                " count(*) filter (where d.result <> 'not_expected') as compared,"
                " count(*) filter (where d.is_difference) as differing, max(d.age_days) as oldest_days"
                " from mart.reconciliation_dossier as d left join mart.dim_agency as unit"
                "  on d.responsible_agency_code = unit.agency_code and unit.is_latest"
                f" where {_IN_PERIOD} and {_UNIT} group by 1 order by differing desc, 1"
            ),
            bridge=rows(
                "select line_order, line, line_kind, line_name_vi, source_id, received, resolved, in_progress"
                " from mart.reconciliation_period where period_convention = %(convention)s and period = %(name)s"
                " and org_view = 'as_was' and agency_code = %(unit)s order by line_order, source_id"
            ),
            history=history,
            lateness=rows(
                "select claimant, claim, count(*) as dossiers from mart.lateness_disagreement as d"
                " where received_on <= %(last)s and coalesce(finished_on, 'infinity') >= %(first)s"
                f" and {_UNIT} group by 1, 2 order by 1, 2"
            ),
            questions=rows(
                "select kind, name_vi, count(*) as questions from mart.question as d"
                " where day between %(first)s and %(last)s"
                " and (%(agency)s::text is null or d.agency_code = %(agency)s) group by 1, 2 order by 1"
            ),
            limit=limit,
        )


def differences(connection: psycopg.Connection[Any], period: Period, agency: str) -> list[dict[str, Any]]:
    """The differing dossiers of a period that one unit is responsible for, what presses first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "select d.*, word.name_vi as cause_name_vi, word.advice_vi from mart.reconciliation_dossier as d"
            " join intermediate.reconciliation_cause as word on d.likely_cause = word.cause"
            f" where d.is_difference and {_IN_PERIOD} and {_UNIT}"
            " order by word.is_pending, d.result, d.likely_cause, d.age_days desc nulls last, d.dossier_code"
            f" limit {MOST_ROWS + 1}".encode(),
            {"first": period.first, "last": period.last, "agency": agency},
        ).fetchall()


def disagreements(connection: psycopg.Connection[Any], period: Period, agency: str) -> list[dict[str, Any]]:
    """The dossiers of a period and unit whose lateness somebody judges otherwise; those worth contesting first."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            b"select * from mart.lateness_disagreement where received_on <= %(last)s"
            b" and coalesce(finished_on, 'infinity') >= %(first)s and responsible_agency_code = %(agency)s"
            b" order by is_contestable desc, claimant, dossier_code",
            {"first": period.first, "last": period.last, "agency": agency},
        ).fetchall()


def questions(connection: psycopg.Connection[Any], period: Period, agency: str) -> list[dict[str, Any]]:
    """The questions of a period to a unit."""
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            b"select * from mart.question where day between %(first)s and %(last)s and agency_code = %(agency)s"
            b" order by kind, score desc, day",
            {"first": period.first, "last": period.last, "agency": agency},
        ).fetchall()
