-- Units of one level against each other, in every ratio that has a better and a worse end, for all fields together.
-- Equal values share a rank, and the next one is skipped (1, 1, 3). The province stands above its units and is not
-- ranked with them. A unit with few dossiers would be first or last by chance: it is listed without a rank.
{{ config(indexes=[{'columns': ['period_convention', 'period'], 'type': 'brin'}]) }}

with

-- Column 3 of form II.06a: all that a unit had on its hands.
handled as (
    select
        period_convention,
        period,
        org_view,
        agency_code,
        numerator as dossiers
    from {{ ref('quarterly_metric') }}
    where metric_code = 'received_total' and field_code = '*'
),

candidate as (
    select
        figure.period_convention,
        figure.period,
        figure.period_from,
        figure.period_to,
        figure.org_view,
        figure.agency_code,
        figure.agency_level,
        figure.metric_code,
        figure.value,
        case metric.direction when 'lower_is_better' then figure.value else -figure.value end as sort_value,
        coalesce(handled.dossiers, 0) as dossiers,
        coalesce(handled.dossiers, 0) >= {{ var('ranking_minimum_dossiers') }} and figure.agency_level is not null
            as is_ranked
    from {{ ref('quarterly_metric') }} as figure
    inner join {{ ref('dim_metric') }} as metric on figure.metric_code = metric.metric_code
    left join handled
        on
            figure.period_convention = handled.period_convention
            and figure.period = handled.period
            and figure.org_view = handled.org_view
            and figure.agency_code = handled.agency_code
    where
        figure.field_code = '*'
        and figure.value is not null
        and figure.agency_code <> '{{ var("province_code") }}'
        and metric.denominator is not null
        and metric.direction <> 'neutral'
)

select
    period_convention,
    period,
    period_from,
    period_to,
    org_view,
    agency_code,
    agency_level,
    metric_code,
    value,
    dossiers,
    cast(case when is_ranked then rank() over competitors end as int) as rank,
    cast(count(*) filter (where is_ranked) over (
        partition by period_convention, period, org_view, agency_level, metric_code
    ) as int) as ranked_units
from candidate
window
    competitors as (
        partition by period_convention, period, org_view, agency_level, metric_code, is_ranked
        order by sort_value
    )
order by period_convention, period_from, period_to
