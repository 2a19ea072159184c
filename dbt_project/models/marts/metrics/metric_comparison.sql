-- Every figure for all fields together beside the previous period of its kind, the same period of last year, its target
-- and its rank. A view: it costs the nightly build nothing and is never older than the figures. It reads marts alone
-- and asks with the reader's own rights.
{{ config(materialized='view') }}

with

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

compared as (
    select
        period.period_convention,
        period.period,
        role.name as role,
        role.figures_of
    from period
    cross join
        lateral (
            values
            ('current', period.period), ('previous', period.previous_period), ('last_year', period.last_year_period)
        ) as role (name, figures_of)
    where role.figures_of is not null
),

figure as (
    select
        compared.period_convention,
        compared.period,
        figure.org_view,
        figure.agency_code,
        figure.metric_code,
        max(figure.agency_level) filter (where compared.role = 'current') as agency_level,
        max(figure.numerator) filter (where compared.role = 'current') as numerator,
        max(figure.denominator) filter (where compared.role = 'current') as denominator,
        max(figure.value) filter (where compared.role = 'current') as value,
        max(figure.value) filter (where compared.role = 'previous') as previous_value,
        max(figure.value) filter (where compared.role = 'last_year') as last_year_value
    from compared
    inner join {{ ref('quarterly_metric') }} as figure
        on
            compared.period_convention = figure.period_convention
            and compared.figures_of = figure.period
            and figure.field_code = '*'
    group by compared.period_convention, compared.period, figure.org_view, figure.agency_code, figure.metric_code
),

-- A unit without any figure in the period is left out; of the others, a count that is missing is 0, a ratio unknown.
unit as (
    select
        *,
        max(agency_level) over one_unit as level_of_unit,
        count(numerator) over one_unit as figures_of_unit
    from figure
    window one_unit as (partition by period_convention, period, org_view, agency_code)
),

completed as (
    select
        unit.period_convention,
        unit.period,
        period.period_kind,
        period.period_from,
        period.period_to,
        period.is_preliminary,
        unit.org_view,
        unit.agency_code,
        unit.level_of_unit as agency_level,
        unit.metric_code,
        metric.metric_version,
        metric.direction,
        metric.unit as metric_unit,
        metric.denominator is not null and metric.unit <> 'working day' as is_share,
        case when metric.denominator is null then coalesce(unit.numerator, 0) else unit.numerator end as numerator,
        unit.denominator,
        case when metric.denominator is null then coalesce(unit.value, 0) else unit.value end as value,
        period.previous_period,
        case
            when metric.denominator is null and period.previous_period is not null then coalesce(unit.previous_value, 0)
            else unit.previous_value
        end as previous_value,
        period.last_year_period,
        case
            when metric.denominator is null and period.last_year_period is not null
                then coalesce(unit.last_year_value, 0)
            else unit.last_year_value
        end as last_year_value
    from unit
    inner join period on unit.period_convention = period.period_convention and unit.period = period.period
    inner join {{ ref('dim_metric') }} as metric on unit.metric_code = metric.metric_code
    where unit.figures_of_unit > 0 and (metric.denominator is null or unit.numerator is not null)
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
