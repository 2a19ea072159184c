-- No dossier is lost or doubled on the way up: in both views the province has what all places have together.
with

place as (
    select
        period_id,
        sum(received_online + received_direct_postal) as received_new,
        sum(received_carried_over) as received_carried_over,
        sum(resolved_early) as resolved_early,
        sum(resolved_on_time) as resolved_on_time,
        sum(resolved_overdue) as resolved_overdue,
        sum(in_progress_total) as in_progress_total,
        sum(in_progress_overdue) as in_progress_overdue,
        sum(suspended_total) as suspended_total
    from {{ ref('int_metric__place_cell') }}
    group by period_id
    having sum(received_online + received_direct_postal + received_carried_over) > 0
),

province as (
    select
        place.*,
        org_view,
        cell.agency_code,
        (
            cell.received_online + cell.received_direct_postal, cell.received_carried_over,
            cell.resolved_early, cell.resolved_on_time, cell.resolved_overdue,
            cell.in_progress_total, cell.in_progress_overdue, cell.suspended_total
        ) is not distinct from (
            place.received_new, place.received_carried_over,
            place.resolved_early, place.resolved_on_time, place.resolved_overdue,
            place.in_progress_total, place.in_progress_overdue, place.suspended_total
        ) as is_equal
    from place
    cross join (values ('as_was'), ('as_is')) as view (org_view)
    left join {{ ref('int_metric__unit_cell') }} as cell
        using (period_id, org_view)
    where cell.agency_code = '{{ var("province_code") }}' and cell.field_code = '*'
)

select
    period_id,
    count(*) filter (where is_equal) as views_equal
from place
left join province using (period_id)
group by period_id
having count(*) filter (where is_equal) <> 2
