-- How far the open rejected rows could move a figure, by period, view, unit, field and metric. Cells that nothing could
-- move have no row.
{{ config(
    materialized='incremental',
    on_schema_change='fail',
    pre_hook="{{ forget_moved('int_quarantine__moved') }}",
    indexes=[{'columns': ['period_convention', 'period'], 'type': 'brin'}],
) }}

with

bound as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        metric_code,
        is_rate,
        value,
        value_lowest,
        value_highest,
        dossiers
    from {{ ref('int_quarantine__bound') }}
    union all
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        metric_code,
        is_rate,
        value,
        value_lowest,
        value_highest,
        dossiers
    from {{ ref('int_quarantine__score_bound') }}
)

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    bound.org_view,
    bound.agency_code,
    label.agency_level,
    bound.field_code,
    bound.metric_code,
    cast(bound.value as numeric) as value,
    -- A figure and its bound may be rounded otherwise in their last places.
    cast(least(bound.value_lowest, bound.value) as numeric) as value_lowest,
    cast(
        case when bound.value_highest is not null then greatest(bound.value_highest, bound.value) end as numeric
    ) as value_highest,
    cast(bound.dossiers as int) as rows_uncertain,
    bound.value_highest is null as is_without_highest,
    coalesce(
        greatest(bound.value - bound.value_lowest, bound.value_highest - bound.value)
        > 0.001 * case when bound.is_rate then 1 else bound.value end,
        true
    )
    or bound.value_highest is null as is_notable
from bound
inner join {{ ref('int_period__period') }} as period on bound.period_id = period.period_id
left join {{ ref('int_agency__label') }} as label
    on
        bound.org_view = label.org_view
        and bound.agency_code = label.agency_code
        and bound.period_id = label.period_id
where
    bound.value is null
    or bound.value_highest is null
    or bound.value - bound.value_lowest > 0.000000000001
    or bound.value_highest - bound.value > 0.000000000001
order by bound.period_id
