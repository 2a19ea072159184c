{{ config(indexes=[{'columns': ['period_convention', 'period', 'org_view', 'agency_code', 'metric_code']}]) }}

{%- set counts = [
    'received_total', 'received_online', 'received_direct_postal', 'received_carried_over',
    'resolved_total', 'resolved_early', 'resolved_on_time', 'resolved_overdue',
    'in_progress_total', 'in_progress_within', 'in_progress_overdue', 'suspended_total',
] %}

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    cell.org_view,
    cell.agency_code,
    label.agency_level,
    cell.field_code,
    figure.metric_code,
    cast(figure.numerator as numeric) as numerator,
    cast(null as numeric) as denominator,
    cast(figure.numerator as numeric) as value,
    metric.version as metric_version
from {{ ref('int_metric__unit_cell') }} as cell
inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
left join {{ ref('int_agency__label') }} as label
    on
        cell.org_view = label.org_view
        and cell.agency_code = label.agency_code
        and cell.period_id = label.period_id
cross join lateral (
    values
    {%- for count in counts %}
        ('{{ count }}', cell.{{ count }}){{ ',' if not loop.last }}
    {%- endfor %}
) as figure (metric_code, numerator)
inner join {{ ref('metric_definition') }} as metric on figure.metric_code = metric.metric_code
where figure.numerator <> 0
