-- Communes at and below every unit on the period's last day (as_is: on the build's day), and those of them with a
-- dossier resolved in the period that has an electronic certified copy. One that no longer exists then is not counted.
with

looked_at as (
    select
        period.period_id,
        org_view,
        case org_view when 'as_was' then period.period_to else moment.known_on end as day
    from {{ ref('int_period__period') }} as period
    cross join {{ ref('int_build__moment') }} as moment
    cross join (values ('as_was'), ('as_is')) as view (org_view)
),

commune as (
    select
        looked_at.period_id,
        looked_at.org_view,
        span.agency_code,
        path.chain
    from looked_at
    inner join {{ ref('int_agency__span') }} as span
        on
            looked_at.day between span.valid_from and span.valid_to
            and span.agency_level = 'commune'
    inner join {{ ref('int_agency__path') }} as path
        on
            path.org_view = 'as_was'
            and span.agency_code = path.agency_code
            and looked_at.day between path.received_from and path.received_to
)

select
    commune.period_id,
    commune.org_view,
    unit.agency_code,
    count(*) filter (where cell.resolved_certified > 0) as certifying,
    count(*) as communes
from commune
left join {{ ref('int_metric__unit_cell') }} as cell
    on
        commune.period_id = cell.period_id
        and commune.org_view = cell.org_view
        and commune.agency_code = cell.agency_code
        and cell.field_code = '*'
cross join lateral unnest(commune.chain) as unit (agency_code)
group by commune.period_id, commune.org_view, unit.agency_code
