{#- Common table expressions: the communes that a period counts in each view, and the units that each belongs to. -#}
{% macro communes_looked_at() -%}
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
{%- endmacro %}
