-- The continuous percentiles of working days at every unit: of n dossiers in the order of their days (counted from 0),
-- the one at (n - 1) * p; between two of them the straight line. In whole numbers, so that nothing is rounded.
-- days_print: a number that all days make.
with

field as (
    select
        field_code,
        cast(row_number() over (order by field_code) as int) as field_number
    from {{ ref('int_metric__processing_day') }}
    group by field_code
    union all
    select
        '*' as field_code,
        0 as field_number
),

by_field as (
    select
        part.period_id,
        member.place_set_id,
        field.field_number,
        day.processing_working_days as days,
        sum(day.dossiers) as dossiers
    from {{ ref('int_metric__processing_day') }} as day
    inner join field on day.field_code = field.field_code
    inner join {{ ref('int_period__month') }} as part
        on
            day.period_convention = part.period_convention
            and day.month_index = part.month_index
            and part.is_within
    inner join {{ ref('int_agency__place_set') }} as member on day.place_id = member.place_id
    group by part.period_id, member.place_set_id, field.field_number, day.processing_working_days
),

histogram as (
    select
        period_id,
        place_set_id,
        field_number,
        days,
        dossiers
    from by_field
    union all
    select
        period_id,
        place_set_id,
        0 as field_number,
        days,
        cast(sum(dossiers) as bigint) as dossiers
    from by_field
    group by period_id, place_set_id, days
),

ranked as (
    select
        period_id,
        place_set_id,
        field_number,
        days,
        cast(sum(dossiers) over (cell order by days) as bigint) as up_to,
        cast(sum(dossiers) over cell as bigint) - 1 as last
    from histogram
    window cell as (partition by period_id, place_set_id, field_number)
),

neighbour as (
    select
        period_id,
        place_set_id,
        field_number,
        min(last) as last,
        min(days) filter (where up_to > last * 5 / 10) as p50_lower,
        min(days) filter (where up_to > (last * 5 + 9) / 10) as p50_upper,
        min(days) filter (where up_to > last * 9 / 10) as p90_lower,
        min(days) filter (where up_to > (last * 9 + 9) / 10) as p90_upper,
        sum(hash_record_extended(row(days, up_to), 0)) as days_print
    from ranked
    group by period_id, place_set_id, field_number
)

select
    neighbour.period_id,
    unit.org_view,
    unit.agency_code,
    field.field_code,
    neighbour.p50_lower + (neighbour.p50_upper - neighbour.p50_lower) * (neighbour.last * 5 % 10) / 10.0 as p50,
    neighbour.p90_lower + (neighbour.p90_upper - neighbour.p90_lower) * (neighbour.last * 9 % 10) / 10.0 as p90,
    neighbour.days_print
from neighbour
inner join field on neighbour.field_number = field.field_number
inner join {{ ref('int_agency__unit_places') }} as unit on neighbour.place_set_id = unit.place_set_id
order by neighbour.period_id
