"""From a figure to what it counts: numerator and denominator, the rule in words, the dossiers or items, their batches.

Reads the lists that the metrics' own definitions make (int_metric__counted_dossier, int_metric__counted_item) or, for an
edition, those that it keeps. The figure is counted again from the list that is shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from onestop.errors import ConfigurationError, OnestopError
from onestop.periods import Period
from onestop.reporting.editions import store
from onestop.reporting.editions.model import Edition
from onestop.reporting.editions.recount import Counted, recount

Row = Mapping[str, Any]
COMMUNES, PROCEDURES = "electronic_certification_unit_rate", "online_procedure_rate"


@dataclass(frozen=True, slots=True)
class Explained:
    """A figure and the list behind it.

    `items` has a row per dossier (or case, procedure, commune, row of a reference file, part of a score): what the figure
    counts. `dossiers` are the dossiers behind procedures and communes; of a figure of dossiers the same rows. `counted` is
    the figure counted again from the list.
    """

    period: Period
    version: int | None
    metric_code: str
    agency_code: str
    field_code: str
    org_view: str
    numerator: Decimal | None
    denominator: Decimal | None
    value: Decimal | None
    rule: Row
    item_kind: str
    items: list[dict[str, Any]]
    dossiers: list[dict[str, Any]]
    counted: Counted
    batches: list[dict[str, Any]]

    @property
    def agrees(self) -> bool:
        """Whether the list gives the figure."""
        top, bottom = self.numerator or 0, self.denominator or 0
        return bool(self.counted.numerator == top and (self.counted.denominator or 0) == bottom)


# Where figures, rules, dossiers, items and parts are read: the built models, or an edition.
_BUILT = {
    "figure": "mart.quarterly_metric where period_convention = %(convention)s and period = %(period)s and",
    "rule": "mart.dim_metric where",
    "dossier": (
        "(select counted.*, place.agency_code, place.chain_as_was, place.chain_as_is"
        " from intermediate.int_metric__counted_dossier as counted"
        " join intermediate.int_agency__place as place using (place_id)"
        " where counted.period_id = %(period_id)s) as dossier where"
    ),
    "item": "intermediate.int_metric__counted_item where period_id = %(period_id)s and",
    "batch": "ops.load_batch where",
    "part": "mart.score_766_part where period_convention = %(convention)s and period = %(period)s and",
}
_KEPT = {
    "figure": "published.quarterly_metric where edition_id = %(edition_id)s and",
    "rule": "published.metric_rule where edition_id = %(edition_id)s and",
    "dossier": (
        "(select dossier.*, counting.numerators, counting.denominators, place.agency_code, place.chain_as_was,"
        " place.chain_as_is from published.dossier as dossier"
        " join published.counting as counting using (edition_id, counting_id)"
        " join published.place as place using (edition_id, place_id)"
        " where dossier.edition_id = %(edition_id)s) as dossier where"
    ),
    "item": "published.item where edition_id = %(edition_id)s and",
    "batch": "published.input where edition_id = %(edition_id)s and",
    "part": "published.score_766_part where edition_id = %(edition_id)s and",
}
_CELL = "org_view = %(org_view)s and agency_code = %(agency)s and field_code = %(field)s"
_FIGURE = f"select numerator, denominator, value from {{}} {_CELL} and metric_code = %(metric)s"
_RULE = """
    select metric_code, metric_version, metric_name_vi, metric_name_en, unit, numerator, denominator, legal_basis, family
    from {} metric_code = %(metric)s
"""
_DOSSIERS = """
    select dossier_code as item_code, agency_code, field_code, procedure_code, received_on, due_on, finished_on, status,
        processing_working_days, %(metric)s = any(numerators) as in_numerator,
        %(metric)s = any(denominators) as in_denominator, source_id, batch_id, row_number
    from {} (%(metric)s = any(numerators) or %(metric)s = any(denominators))
        and %(agency)s = any(case when %(org_view)s = 'as_was' then chain_as_was else chain_as_is end)
        and (%(field)s = '*' or field_code = %(field)s)
        and (%(communes)s::text[] is null
            or %(communes)s && case when %(org_view)s = 'as_was' then chain_as_was else chain_as_is end)
    order by dossier_code collate "C"
"""
_ITEMS = """
    select item_kind, item_code, chain[1] as agency_code, numerator, denominator, source_id, batch_id, row_number
    from {} metric_code = %(metric)s and org_view = %(org_view)s and %(agency)s = any(chain)
    order by item_code collate "C"
"""
_PARTS = f"""
    select part_code as item_code, part_name_vi, part_name_en, points, maximum, numerator, denominator, reason
    from {{}} {_CELL} and score_code = %(metric)s order by part_code
"""
_BATCHES = """
    select batch_id, source_id, entity, origin, sha256, accepted_at from {} batch_id = any(%(batches)s) order by batch_id
"""


def explain(
    connection: psycopg.Connection[Any],
    period: Period,
    metric: str,
    agency: str,
    *,
    field: str = "*",
    org_view: str = "as_was",
    version: int | None = None,
) -> Explained:
    """Lead a figure back to what it counts.

    Args:
        connection: to the warehouse; only read from.
        period: the figure's period.
        metric: a metric of the registry.
        agency: the unit.
        field: a field of procedures; * = all.
        org_view: as_was or as_is.
        version: of an edition; None: the figure as the models show it now.

    Raises:
        ConfigurationError: there is no such metric, unit or view.
        OnestopError: the warehouse does not hold the period, or there is no such edition.
    """
    if org_view not in ("as_was", "as_is"):
        raise ConfigurationError(f"{org_view!r} is no view of the units", next_step="choose as_was or as_is")
    edition = None if version is None else store.edition(connection, period, version)
    given: dict[str, Any] = {
        "convention": period.convention, "period": period.name, "metric": metric, "agency": agency, "field": field,
        "org_view": org_view,
    }  # fmt: skip
    ask = _Reader(connection, _KEPT if edition else _BUILT, given)
    given |= {"edition_id": edition.edition_id} if edition else {"period_id": _period_id(connection, period)}
    rule = next(iter(ask("rule", _RULE)), None)
    if rule is None:
        raise ConfigurationError(
            f"there is no metric {metric!r}", next_step="see docs/metrics.md for the metrics' codes"
        )
    if rule["family"] == "score" and period.convention != "calendar":
        raise ConfigurationError(
            f"{metric} exists for calendar periods only", next_step=f"ask for calendar:{period.name}"
        )
    figure = next(iter(ask("figure", _FIGURE)), None)
    if figure is None:
        _require_unit(connection, agency, edition)
    kind, items, dossiers = _lists(ask, rule)
    counted = recount(metric, kind, items)
    batch_ids = Counter(row["batch_id"] for row in dossiers or items if row.get("batch_id") is not None)
    batches = ask("batch", _BATCHES, batches=list(batch_ids))
    return Explained(
        period=period,
        version=version,
        metric_code=metric,
        agency_code=agency,
        field_code=field,
        org_view=org_view,
        numerator=figure["numerator"] if figure else None,
        denominator=figure["denominator"] if figure else None,
        value=figure["value"] if figure else None,
        rule=rule,
        item_kind=kind,
        items=items,
        dossiers=dossiers,
        counted=counted,
        batches=[{**row, "items": batch_ids[row["batch_id"]]} for row in batches],
    )


class _Reader:
    """Asks the models or an edition."""

    def __init__(
        self, connection: psycopg.Connection[Any], places: Mapping[str, str], given: Mapping[str, Any]
    ) -> None:
        self._connection, self._places, self._given = connection, places, given

    def __call__(self, what: str, query: str, **more: object) -> list[dict[str, Any]]:
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query.format(self._places[what]).encode(), {**self._given, **more}).fetchall()


Rows = list[dict[str, Any]]


def _lists(ask: _Reader, rule: Row) -> tuple[str, Rows, Rows]:
    """What kind of things the metric counts, those of the figure, and the dossiers behind them."""
    if rule["family"] == "score":
        return "part", ask("part", _PARTS), []
    if rule["metric_code"] == COMMUNES:
        communes = ask("item", _ITEMS)
        codes = [row["item_code"] for row in communes]
        return "commune", communes, ask("dossier", _DOSSIERS, communes=codes)
    if rule["family"] in ("form", "dossier", "portal"):
        dossiers = ask("dossier", _DOSSIERS, communes=None)
        return ("procedure", _procedures(dossiers), dossiers) if rule["metric_code"] == PROCEDURES else (
            "dossier", dossiers, dossiers
        )  # fmt: skip
    items = ask("item", _ITEMS)
    return (items[0]["item_kind"] if items else str(rule["family"])), items, []


def _procedures(dossiers: Rows) -> Rows:
    """The procedures of the denominator's dossiers, and whether one of a procedure's dossiers was new and online."""
    offered = sorted({row["procedure_code"] for row in dossiers if row["in_denominator"]})
    used = {row["procedure_code"] for row in dossiers if row["in_numerator"]}
    return [{"item_code": code, "numerator": int(code in used), "denominator": 1} for code in offered]


def _period_id(connection: psycopg.Connection[Any], period: Period) -> int:
    try:
        row = connection.execute(
            "select period_id from intermediate.int_period__period where period_convention = %s and period = %s",
            [period.convention, period.name],
        ).fetchone()
    except (psycopg.errors.UndefinedTable, psycopg.errors.InvalidSchemaName):
        connection.rollback()
        raise OnestopError("the models have not been built yet", next_step="run `onestop transform` first") from None
    if row is None:
        raise OnestopError(
            f"{period}: the warehouse does not hold this period",
            next_step="load the sources up to that period first, then run `onestop transform`",
        )
    return int(row[0])


def _require_unit(connection: psycopg.Connection[Any], agency: str, edition: Edition | None) -> None:
    """A unit without the figure has none to explain; one that nobody knows is a mistake in the question."""
    known = (
        "select exists (select from published.place where edition_id = %(edition)s and %(agency)s = any(chain_as_was ||"
        " chain_as_is))"
        if edition
        else "select exists (select from mart.dim_agency where agency_code = %(agency)s)"
        " or exists (select from mart.quarterly_metric where agency_code = %(agency)s)"
    )
    given = {"agency": agency, "edition": edition.edition_id if edition else None}
    row = connection.execute(known.encode(), given).fetchone()
    if not row or not row[0]:
        raise ConfigurationError(
            f"no unit has the code {agency!r}", next_step="see mart.dim_agency for the units and their codes"
        )
