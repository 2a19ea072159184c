-- The cells that figures are read from lie in the order of periods, and so do the figures of each family: an index of
-- page ranges then finds a period at almost no cost to the build. Sorting the figures themselves would cost more.
-- The second index is for those who look at one unit, as dashboards and units' logins do: without it each looks at all.
{{
    config(
        materialized='incremental',
        on_schema_change='fail',
        pre_hook=["{{ join_by_hash(always=true) }}", "{{ forget_moved() }}"],
        indexes=[
            {'columns': ['period_convention', 'period'], 'type': 'brin'},
            {'columns': ['agency_code', 'field_code', 'period_convention', 'period']}
        ],
    )
}}

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    figure.org_view,
    figure.agency_code,
    label.agency_level,
    figure.field_code,
    figure.metric_code,
    figure.numerator,
    figure.denominator,
    case
        when figure.denominator is null then figure.numerator
        else figure.numerator / nullif(figure.denominator, 0)
    end as value,
    metric.version as metric_version
from {{ ref('int_metric__figure') }} as figure
{{ of_moved_cells('int_metric__moved', 'figure') }}
inner join {{ ref('int_period__period') }} as period on figure.period_id = period.period_id
inner join {{ ref('metric_definition') }} as metric on figure.metric_code = metric.metric_code
left join {{ ref('int_agency__label') }} as label
    on
        figure.org_view = label.org_view
        and figure.agency_code = label.agency_code
        and figure.period_id = label.period_id
where figure.numerator <> 0 or figure.denominator <> 0
