-- The levels of every unit, field and period add up to the unit's own row.
with

level as (
    select
        period_convention,
        period,
        org_view,
        agency_code,
        field_code,
        sum(received_total) as received_total,
        sum(resolved_overdue) as resolved_overdue,
        sum(in_progress_overdue) as in_progress_overdue
    from {{ ref('form_ii_06a_level') }}
    group by period_convention, period, org_view, agency_code, field_code
)

select
    period_convention,
    period,
    org_view,
    agency_code,
    field_code
from {{ ref('form_ii_06a_field') }} as field
full join level using (period_convention, period, org_view, agency_code, field_code)
where
    (field.received_total, field.resolved_overdue, field.in_progress_overdue)
    is distinct from (level.received_total, level.resolved_overdue, level.in_progress_overdue)
