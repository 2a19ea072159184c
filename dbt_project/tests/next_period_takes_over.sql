-- Column 6 of a period is column 11 of the one before it, unit by unit and field by field.
select
    coalesce(earlier.period_id, later.period_id) as period_id,
    org_view,
    agency_code,
    field_code,
    earlier.in_progress_total,
    later.received_carried_over
from (
    select
        cell.*,
        following.period_id as following_id
    from {{ ref('int_metric__unit_cell') }} as cell
    inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
    inner join {{ ref('int_period__period') }} as following
        on
            period.period_convention = following.period_convention
            and period.period_kind = following.period_kind
            and period.last_month + 1 = following.first_month
    where cell.in_progress_total > 0
) as earlier
full join (
    select
        cell.*,
        cell.period_id as following_id
    from {{ ref('int_metric__unit_cell') }} as cell
    inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
    inner join {{ ref('int_period__period') }} as previous
        on
            period.period_convention = previous.period_convention
            and period.period_kind = previous.period_kind
            and period.first_month - 1 = previous.last_month
    where cell.received_carried_over > 0
) as later using (following_id, org_view, agency_code, field_code)
where earlier.in_progress_total is distinct from later.received_carried_over
