-- Every figure for all fields together beside the previous period of its kind, the same period of last year, its target
-- and its rank. A view: it costs the nightly build nothing and is never older than the figures. It reads marts alone
-- and asks with the reader's own rights.
{{ config(materialized='view') }}

with recursive

period as (
    select
        own.period_convention,
        own.period,
        own.period_kind,
        own.period_from,
        own.period_to,
        own.is_preliminary,
        lag(own.period) over kind as previous_period,
        year_before.period as last_year_period
    from {{ ref('dim_period') }} as own
    left join {{ ref('dim_period') }} as year_before
        on
            own.period_convention = year_before.period_convention
            and own.period_kind = year_before.period_kind
            and cast(own.period_from - interval '1 year' as date) = year_before.period_from
    window kind as (partition by own.period_convention, own.period_kind order by own.period_from)
),

-- The units that have figures, one look into the index for each: the planner may then take those that somebody asks
-- for, by whatever name, before any figure is read.
unit as (
    select min(agency_code) as agency_code
    from {{ ref('quarterly_metric') }}
    union all
    select (
        select min(further.agency_code)
        from {{ ref('quarterly_metric') }} as further
        where further.agency_code > unit.agency_code
    ) as agency_code
    from unit
    where unit.agency_code is not null
),

-- One unit's figures of a period and of the two that it is held against.
figure as (
    select
        period.period_convention,
        period.period,
        period.period_kind,
        period.period_from,
        period.period_to,
        period.is_preliminary,
        period.previous_period,
        period.last_year_period,
        structure.org_view,
        unit.agency_code,
        own.metric_code,
        own.numerator,
        own.denominator,
        own.value,
        own.previous_value,
        own.last_year_value,
        own.level_of_unit,
        own.figures_of_unit
    from period
    cross join unit
    cross join (values ('as_was'), ('as_is')) as structure (org_view)
    cross join
        lateral (
            select
                held.metric_code,
                max(held.numerator) filter (where held.period = period.period) as numerator,
                max(held.denominator) filter (where held.period = period.period) as denominator,
                max(held.value) filter (where held.period = period.period) as value,
                max(held.value) filter (where held.period = period.previous_period) as previous_value,
                max(held.value) filter (where held.period = period.last_year_period) as last_year_value,
                max(max(held.agency_level) filter (where held.period = period.period)) over () as level_of_unit,
                sum(count(held.numerator) filter (where held.period = period.period)) over () as figures_of_unit
            from {{ ref('quarterly_metric') }} as held
            where
                held.agency_code = unit.agency_code
                and held.field_code = '*'
                and held.period_convention = period.period_convention
                and held.period in (period.period, period.previous_period, period.last_year_period)
                and held.org_view = structure.org_view
            group by held.metric_code
        ) as own
),

-- A unit without any figure in the period is left out; of the others, a count that is missing is 0, a ratio unknown.
completed as (
    select
        figure.period_convention,
        figure.period,
        figure.period_kind,
        figure.period_from,
        figure.period_to,
        figure.is_preliminary,
        figure.org_view,
        figure.agency_code,
        figure.level_of_unit as agency_level,
        figure.metric_code,
        metric.metric_version,
        metric.direction,
        metric.unit as metric_unit,
        metric.denominator is not null and metric.unit <> 'working day' as is_share,
        case when metric.denominator is null then coalesce(figure.numerator, 0) else figure.numerator end as numerator,
        figure.denominator,
        case when metric.denominator is null then coalesce(figure.value, 0) else figure.value end as value,
        figure.previous_period,
        case
            when metric.denominator is null and figure.previous_period is not null
                then coalesce(figure.previous_value, 0)
            else figure.previous_value
        end as previous_value,
        figure.last_year_period,
        case
            when metric.denominator is null and figure.last_year_period is not null
                then coalesce(figure.last_year_value, 0)
            else figure.last_year_value
        end as last_year_value
    from figure
    inner join {{ ref('dim_metric') }} as metric on figure.metric_code = metric.metric_code
    where figure.figures_of_unit > 0 and (metric.denominator is null or figure.numerator is not null)
),

-- How much of each change is for the better: positive, negative, or 0.
judged as (
    select
        completed.*,
        case when completed.is_share then 'percentage point' else completed.metric_unit end as change_unit,
        case when completed.is_share then 100 else 1 end as change_factor,
        case completed.direction when 'higher_is_better' then 1 when 'lower_is_better' then -1 end as better,
        goal.target,
        goal.legal_basis as target_legal_basis
    from completed
    left join
        lateral (
            select
                aim.target,
                aim.legal_basis
            from {{ ref('metric_target') }} as aim
            where
                aim.metric_code = completed.metric_code
                and aim.target_year = date_part('year', completed.period_to)
                and (aim.agency_level = completed.agency_level or aim.agency_level is null)
            order by aim.agency_level nulls last
            limit 1
        ) as goal
        on true
)

select
    judged.period_convention,
    judged.period,
    judged.period_kind,
    judged.period_from,
    judged.period_to,
    judged.is_preliminary,
    judged.org_view,
    judged.agency_code,
    judged.agency_level,
    judged.metric_code,
    judged.metric_version,
    judged.numerator,
    judged.denominator,
    judged.value,
    judged.change_unit,
    judged.previous_period,
    judged.previous_value,
    (judged.value - judged.previous_value) * judged.change_factor as change_from_previous,
    (judged.value - judged.previous_value) / nullif(judged.previous_value, 0) as relative_change_from_previous,
    nullif(sign(judged.value - judged.previous_value) * judged.better, 0) > 0 as is_better_than_previous,
    judged.last_year_period,
    judged.last_year_value,
    (judged.value - judged.last_year_value) * judged.change_factor as change_from_last_year,
    (judged.value - judged.last_year_value) / nullif(judged.last_year_value, 0) as relative_change_from_last_year,
    nullif(sign(judged.value - judged.last_year_value) * judged.better, 0) > 0 as is_better_than_last_year,
    judged.target,
    judged.target_legal_basis,
    (judged.value - judged.target) * judged.change_factor as difference_from_target,
    (judged.value - judged.target) * judged.better >= 0 as is_target_met,
    ranking.rank,
    ranking.ranked_units,
    ranking.dossiers as dossiers_of_unit
from judged
left join {{ ref('metric_rank') }} as ranking
    on
        judged.period_convention = ranking.period_convention
        and judged.period = ranking.period
        and judged.org_view = ranking.org_view
        and judged.agency_code = ranking.agency_code
        and judged.metric_code = ranking.metric_code
