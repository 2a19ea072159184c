-- The figures of the optional reference files, for all fields together. Each row of a file belongs to the unit that it
-- names and to all units above it.
-- as_was: in the tree of the period's last day; a month's documents in that of the month.
-- as_is: with the unit's successor, in the tree of the build's day; a succession applies to rows that speak of a day
-- before it: that of the count, of the point's beginning, of the month, of the survey's year. So a unit that was merged
-- keeps its rows in as_was, and its successor has them in as_is.
with

period as (
    select
        period_id,
        period_to,
        first_month,
        last_month
    from {{ ref('int_period__period') }}
),

-- The latest count up to the last day, of the units that exist on it.
certificate as (
    select distinct on (period.period_id, counted.agency_code)
        period.period_id,
        counted.agency_code,
        period.period_to as placed_on,
        period.period_to as named_on,
        'digital_certificate_rate' as metric_code,
        counted.issued as numerator,
        counted.required as denominator
    from period
    inner join {{ ref('stg_reference__staff_certificate') }} as counted on period.period_to >= counted.as_of
    inner join {{ ref('int_agency__span') }} as unit
        on counted.agency_code = unit.agency_code and period.period_to between unit.valid_from and unit.valid_to
    order by period.period_id asc, counted.agency_code asc, counted.as_of desc, counted.row_number desc
),

-- Calendar months that the period names, in the statutory convention too.
signature as (
    select
        period.period_id,
        document.agency_code,
        document.month_from as placed_on,
        document.month_from as named_on,
        'digital_signature_rate' as metric_code,
        document.digitally_signed as numerator,
        document.issued as denominator
    from period
    inner join {{ ref('stg_reference__document_statistic') }} as document
        on
            {{ month_index('document.month_from', "'calendar'") | indent(12) }}
            between period.first_month and period.last_month
),

point as (
    select
        period.period_id,
        point.agency_code,
        period.period_to as placed_on,
        coalesce(point.valid_from, '-infinity') as named_on,
        coalesce(point.has_queue_machine and point.has_lookup_kiosk and point.has_online_help_desk, false)
            as is_equipped
    from period
    inner join {{ ref('stg_reference__one_stop_point') }} as point
        on
            period.period_to between coalesce(point.valid_from, '-infinity') and coalesce(point.valid_to, 'infinity')
),

-- Per survey and unit the latest year up to that of the last day.
survey as (
    select distinct on (period.period_id, scored.survey_code, scored.agency_code)
        period.period_id,
        scored.agency_code,
        period.period_to as placed_on,
        make_date(scored.year, 1, 1) as named_on,
        'survey_score_rate' as metric_code,
        scored.score as numerator,
        scored.max_score as denominator
    from period
    inner join {{ ref('stg_reference__survey_score') }} as scored
        on date_part('year', period.period_to) >= scored.year
    order by
        period.period_id asc, scored.survey_code asc, scored.agency_code asc, scored.year desc, scored.row_number desc
),

named as (
    select * from certificate
    union all
    select * from signature
    union all
    select * from survey
    union all
    select
        period_id,
        agency_code,
        placed_on,
        named_on,
        'one_stop_points' as metric_code,
        1 as numerator,
        null as denominator
    from point
    union all
    select
        period_id,
        agency_code,
        placed_on,
        named_on,
        'one_stop_equipment_rate' as metric_code,
        cast(is_equipped as int) as numerator,
        1 as denominator
    from point
),

placed as (
    select
        named.period_id,
        named.metric_code,
        named.numerator,
        named.denominator,
        {{ place_chain('was', 'as_was', 'named.agency_code') | indent(8) }} as chain_as_was,
        {{ place_chain('become', 'as_is', 'named.agency_code') | indent(8) }} as chain_as_is
    from named
    left join {{ ref('int_agency__place') }} as was
        on named.agency_code = was.agency_code and named.placed_on between was.received_from and was.received_to
    left join {{ ref('int_agency__place') }} as become
        on named.agency_code = become.agency_code and named.named_on between become.received_from and become.received_to
)

select
    placed.period_id,
    view.org_view,
    view.agency_code,
    '*' as field_code,
    placed.metric_code,
    cast(sum(placed.numerator) as numeric) as numerator,
    cast(sum(placed.denominator) as numeric) as denominator
from placed
cross join
    lateral (
        select
            'as_was' as org_view,
            agency_code
        from unnest(placed.chain_as_was) as agency_code
        union all
        select
            'as_is' as org_view,
            agency_code
        from unnest(placed.chain_as_is) as agency_code
    ) as view
group by placed.period_id, view.org_view, view.agency_code, placed.metric_code
having sum(placed.numerator) <> 0 or sum(placed.denominator) <> 0
