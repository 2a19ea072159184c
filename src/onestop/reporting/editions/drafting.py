"""Fills a draft with its contents from the built models, and refuses figures whose dossiers do not add up to them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.reporting.editions.tables import DOSSIER, TABLES

# The period's dossiers are looked at once: the different ways of counting are numbered, each dossier keeps a number.
_COUNTED = """
    create temporary table edition_counted on commit drop as
    select * from intermediate.int_metric__counted_dossier where period_id = %(period_id)s
"""
_COUNTINGS = """
    insert into published.counting (edition_id, counting_id, numerators, denominators)
    select %(edition_id)s, row_number() over (order by numerators, denominators), numerators, denominators
    from edition_counted
    group by numerators, denominators
"""
_DOSSIERS = f"""
    insert into published.dossier (edition_id, {", ".join(DOSSIER)})
    select %(edition_id)s, {", ".join(f"counted.{column}" for column in DOSSIER[:-1])}, counting.counting_id
    from edition_counted as counted
    join published.counting as counting
        on counting.edition_id = %(edition_id)s
        and counting.numerators = counted.numerators and counting.denominators = counted.denominators
"""
# Every figure that is a sum over dossiers or items, added up from the edition's own lists, beside the figure itself.
_WRONG = """
    with bundle as (
        select place_id, field_code, counting_id, count(*) as dossiers, sum(processing_working_days) as days
        from published.dossier where edition_id = %(edition_id)s group by place_id, field_code, counting_id
    ),
    -- Ways of counting become figures where the dossiers are; only these are then summed up the trees.
    part as (
        select bundle.place_id, bundle.field_code, side.metric_code,
            sum(side.amount) filter (where not side.is_below) as numerator,
            sum(side.amount) filter (where side.is_below) as denominator
        from bundle
        join published.counting as counting
            on counting.edition_id = %(edition_id)s and counting.counting_id = bundle.counting_id
        cross join lateral (
            select metric_code, false as is_below,
                case when metric_code = 'processing_working_days_mean' then bundle.days else bundle.dossiers end as amount
            from unnest(counting.numerators) as above (metric_code)
            union all
            select metric_code, true, bundle.dossiers from unnest(counting.denominators) as below (metric_code)
        ) as side
        group by bundle.place_id, bundle.field_code, side.metric_code
    ),
    unit as (
        select place_id, 'as_was' as org_view, unnest(chain_as_was) as agency_code
        from published.place where edition_id = %(edition_id)s
        union all
        select place_id, 'as_is', unnest(chain_as_is) from published.place where edition_id = %(edition_id)s
    ),
    summed as (
        select unit.org_view, unit.agency_code, coalesce(part.field_code, '*') as field_code, part.metric_code,
            coalesce(sum(part.numerator), 0) as numerator, sum(part.denominator) as denominator
        from part join unit using (place_id)
        group by grouping sets (
            (unit.org_view, unit.agency_code, part.metric_code, part.field_code),
            (unit.org_view, unit.agency_code, part.metric_code)
        )
        union all
        select org_view, unit.agency_code, '*', metric_code, coalesce(sum(numerator), 0), sum(denominator)
        from published.item cross join lateral unnest(chain) as unit (agency_code)
        where edition_id = %(edition_id)s
        group by org_view, unit.agency_code, metric_code
    ),
    additive as (
        select metric_code from published.metric_rule
        where edition_id = %(edition_id)s and family <> 'score' and metric_code not in (
            'processing_working_days_p50', 'processing_working_days_p90', 'online_procedure_rate',
            'electronic_certification_unit_rate'
        )
    ),
    figure as (
        select * from published.quarterly_metric
        where edition_id = %(edition_id)s and metric_code in (select metric_code from additive)
    ),
    list as (
        select * from summed
        where metric_code in (select metric_code from additive) and (numerator <> 0 or denominator <> 0)
    )
    select
        coalesce(figure.metric_code, list.metric_code), coalesce(figure.org_view, list.org_view),
        coalesce(figure.agency_code, list.agency_code), coalesce(figure.field_code, list.field_code),
        figure.numerator, figure.denominator, list.numerator, list.denominator
    from figure full join list
        on list.org_view = figure.org_view and list.agency_code = figure.agency_code
        and list.field_code = figure.field_code and list.metric_code = figure.metric_code
    where (figure.numerator, figure.denominator) is distinct from (list.numerator, list.denominator)
    order by 1, 2, 3, 4
    limit 6
"""


def fill(
    connection: psycopg.Connection[Any], edition_id: int, period: Period, known_at: datetime, figures: str
) -> None:
    """Write the contents of a draft: figures, forms, dossiers, items, rules, inputs.

    Args:
        connection: in a transaction.
        edition_id: the draft, without contents.
        period: its period; the warehouse holds it.
        known_at: the moment whose knowledge the models were built with.
        figures: what the products show, as JSON.

    Raises:
        OnestopError: a figure is not the sum of the dossiers or items behind it.
    """
    row = connection.execute(
        "select period_id from intermediate.int_period__period where period_convention = %s and period = %s",
        [period.convention, period.name],
    ).fetchone()
    if row is None:
        raise OnestopError(
            f"{period}: the warehouse does not hold this period", next_step="load the sources up to it, then transform"
        )
    given = {
        "edition_id": edition_id, "period_id": row[0], "known_at": known_at,
        "convention": period.convention, "period": period.name,
    }  # fmt: skip
    for table in TABLES:
        if table.source:
            connection.execute(
                f"insert into published.{table.name} (edition_id, {table.listed})"
                f" select %(edition_id)s, drafted.* from ({table.source}) as drafted".encode(),
                given,
            )
    connection.execute("drop table if exists pg_temp.edition_counted")
    connection.execute(_COUNTED.encode(), given)
    connection.execute(_COUNTINGS.encode(), given)
    connection.execute(_DOSSIERS.encode(), given)
    connection.execute(
        "insert into published.report_figures (edition_id, figures) values (%s, %s)", [edition_id, figures]
    )
    connection.execute("select published.look_at_drafts()")
    _check(connection, period, given)


def _check(connection: psycopg.Connection[Any], period: Period, given: dict[str, object]) -> None:
    wrong = connection.execute(_WRONG.encode(), given).fetchall()
    if wrong:
        said = "; ".join(
            f"{metric} of {agency}, {field}, {view}: {top}/{bottom}, its list gives {listed_top}/{listed_bottom}"
            for metric, view, agency, field, top, bottom, listed_top, listed_bottom in wrong[:5]
        )
        raise OnestopError(
            f"{period}: figures are not the sums of the dossiers behind them ({said}); no edition was made",
            next_step="build the warehouse again (onestop transform), then draft again; report it if it stays",
        )
