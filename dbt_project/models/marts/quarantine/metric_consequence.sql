-- How far the open rejected rows could move a figure, for every period, view and unit at all fields. A count: without
-- those in it that could leave, and with all that could enter. A rate: all of them against it (in the denominator
-- alone), and all of them for it. Cells that nothing could move have no row.
{{ config(indexes=[{'columns': ['period_convention', 'period'], 'type': 'brin'}]) }}

with

moved as (
    select
        period.period_id,
        period.period_convention,
        period.period,
        period.period_from,
        period.period_to,
        cell.org_view,
        cell.agency_code,
        cell.metric_code,
        cell.could_enter,
        cell.could_leave,
        coalesce(figure.value, 0) as value
    from {{ ref('int_quarantine__cell') }} as cell
    inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
    left join {{ ref('quarterly_metric') }} as figure
        on
            period.period_convention = figure.period_convention
            and period.period = figure.period
            and cell.org_view = figure.org_view
            and cell.agency_code = figure.agency_code
            and cell.metric_code = figure.metric_code
            and figure.field_code = '*'
),

rate as (
    select *
    from (
        values
        ('on_time_rate', array['resolved_early', 'resolved_on_time'], 'resolved_total'),
        ('early_rate', array['resolved_early'], 'resolved_total'),
        ('overdue_rate', array['resolved_overdue'], 'resolved_total'),
        ('progress_rate', array['resolved_early', 'resolved_on_time', 'in_progress_within'], 'received_total')
    ) as definition (metric_code, numerator_codes, denominator_code)
),

-- The numerator's parts are read as they stand: a part that nothing could move is a part all the same.
numerator as (
    select
        figure.period_convention,
        figure.period,
        figure.org_view,
        figure.agency_code,
        rate.metric_code,
        sum(figure.value) as value
    from {{ ref('quarterly_metric') }} as figure
    inner join rate on figure.metric_code = any(rate.numerator_codes)
    where figure.field_code = '*'
    group by figure.period_convention, figure.period, figure.org_view, figure.agency_code, rate.metric_code
),

in_numerator as (
    select
        moved.period_id,
        moved.org_view,
        moved.agency_code,
        rate.metric_code,
        sum(moved.could_leave) as could_leave
    from moved
    inner join rate on moved.metric_code = any(rate.numerator_codes)
    group by moved.period_id, moved.org_view, moved.agency_code, rate.metric_code
),

moved_rate as (
    select
        moved.*,
        rate.metric_code as rate_code,
        coalesce(numerator.value, 0) as numerator,
        coalesce(in_numerator.could_leave, 0) as leaving_numerator
    from moved
    inner join rate on moved.metric_code = rate.denominator_code
    left join numerator
        on
            moved.period_convention = numerator.period_convention
            and moved.period = numerator.period
            and moved.org_view = numerator.org_view
            and moved.agency_code = numerator.agency_code
            and rate.metric_code = numerator.metric_code
    left join in_numerator
        on
            moved.period_id = in_numerator.period_id
            and moved.org_view = in_numerator.org_view
            and moved.agency_code = in_numerator.agency_code
            and rate.metric_code = in_numerator.metric_code
),

bounded as (
    select
        period_id,
        period_convention,
        period,
        period_from,
        period_to,
        org_view,
        agency_code,
        metric_code,
        false as is_rate,
        value,
        value - could_leave as value_lowest,
        value + could_enter as value_highest,
        could_enter + could_leave as rows_uncertain
    from moved
    union all
    select
        period_id,
        period_convention,
        period,
        period_from,
        period_to,
        org_view,
        agency_code,
        rate_code as metric_code,
        true as is_rate,
        numerator / nullif(value, 0) as value,
        (numerator - leaving_numerator) / (value + could_enter) as value_lowest,
        (numerator + could_enter + could_leave - leaving_numerator) / (value + could_enter) as value_highest,
        could_enter + could_leave as rows_uncertain
    from moved_rate
)

select
    bounded.period_convention,
    bounded.period,
    bounded.period_from,
    bounded.period_to,
    bounded.org_view,
    bounded.agency_code,
    label.agency_level,
    '*' as field_code,
    bounded.metric_code,
    cast(bounded.value as numeric) as value,
    cast(bounded.value_lowest as numeric) as value_lowest,
    cast(bounded.value_highest as numeric) as value_highest,
    cast(bounded.rows_uncertain as int) as rows_uncertain,
    coalesce(
        greatest(bounded.value - bounded.value_lowest, bounded.value_highest - bounded.value)
        > 0.001 * case when bounded.is_rate then 1 else bounded.value end,
        true
    ) as is_notable
from bounded
left join {{ ref('int_agency__label') }} as label
    on
        bounded.org_view = label.org_view
        and bounded.agency_code = label.agency_code
        and bounded.period_id = label.period_id
order by bounded.period_id
