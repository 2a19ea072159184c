-- What a unit is called in a period's tables. as_was: as on the period's last day; as_is: as on the build's day; where
-- the unit did not exist then, as on its nearest day of validity.
with

looked_at as (
    select
        period.period_id,
        org_view,
        case org_view when 'as_was' then period.period_to else moment.known_on end as day
    from {{ ref('int_period__period') }} as period
    cross join {{ ref('int_build__moment') }} as moment
    cross join (values ('as_was'), ('as_is')) as view (org_view)
)

select
    looked_at.period_id,
    looked_at.org_view,
    span.agency_code,
    span.name_vi as agency_name_vi,
    span.agency_level
from looked_at
inner join {{ ref('int_agency__span') }} as span on looked_at.day between span.used_from and span.used_to
