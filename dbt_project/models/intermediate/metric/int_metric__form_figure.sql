{{ config(materialized='view') }}

-- The twelve counts of form II.06a.
select
    cell.period_id,
    cell.org_view,
    cell.agency_code,
    cell.field_code,
    figure.metric_code,
    cast(figure.numerator as numeric) as numerator,
    cast(null as numeric) as denominator
from {{ ref('int_metric__unit_cell') }} as cell
cross join
    lateral (
        values
        ('received_total', cell.received_total),
        ('received_online', cell.received_online),
        ('received_direct_postal', cell.received_direct_postal),
        ('received_carried_over', cell.received_carried_over),
        ('resolved_total', cell.resolved_total),
        ('resolved_early', cell.resolved_early),
        ('resolved_on_time', cell.resolved_on_time),
        ('resolved_overdue', cell.resolved_overdue),
        ('in_progress_total', cell.in_progress_total),
        ('in_progress_within', cell.in_progress_within),
        ('in_progress_overdue', cell.in_progress_overdue),
        ('suspended_total', cell.suspended_total)
    ) as figure (metric_code, numerator)
where figure.numerator <> 0
