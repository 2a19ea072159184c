-- Written in the order of periods: an index of page ranges then finds a period at almost no cost to the build.
{{ config(indexes=[{'columns': ['period_convention', 'period'], 'type': 'brin'}]) }}

-- The totals of each source side by side, and the bridge from one to the other, for every period, view and unit.
with

unit_cell as (
    select
        unit.org_view,
        unit.agency_code,
        cell.line,
        nullif(cell.source_id, '') as source_id,
        cell.period_convention,
        cell.month_index,
        sum(cell.received) as received,
        sum(cell.resolved) as resolved
    from {{ ref('int_reconciliation__month_cell') }} as cell
    inner join {{ ref('int_agency__place_unit') }} as unit on cell.place_id = unit.place_id
    group by
        unit.org_view, unit.agency_code, cell.line, cell.source_id, cell.period_convention, cell.month_index
),

-- A subtotal is the sum of the totals and steps above it: the province's from what the systems delivered, the portal's
-- from there on.
subtotal as (
    select
        cell.org_view,
        cell.agency_code,
        below.line,
        cast(null as text) as source_id,
        cell.period_convention,
        cell.month_index,
        sum(cell.received) as received,
        sum(cell.resolved) as resolved
    from unit_cell as cell
    inner join {{ ref('reconciliation_line') }} as own on cell.line = own.line
    inner join {{ ref('reconciliation_line') }} as below
        on below.kind = 'subtotal' and own.line_order < below.line_order
    group by cell.org_view, cell.agency_code, below.line, cell.period_convention, cell.month_index
),

bound as (
    select
        period.period_convention,
        least(min(period.first_month) - 1, min(cell.first_month)) as first_month,
        max(period.last_month) as last_month
    from {{ ref('int_period__period') }} as period
    left join (
        select
            period_convention,
            min(month_index) as first_month
        from unit_cell
        group by period_convention
    ) as cell on period.period_convention = cell.period_convention
    group by period.period_convention
),

every_line as (
    select * from unit_cell
    union all
    select * from subtotal
),

-- A unit's line gets a number: what follows sorts and adds up some million rows, and numbers are compared quickly.
series as (
    select
        cast(row_number() over () as int) as series_id,
        org_view,
        agency_code,
        line,
        source_id,
        period_convention
    from every_line
    group by org_view, agency_code, line, source_id, period_convention
),

-- Every line of a unit in every month: what happened in it, and nothing in the others.
every_month as (
    select
        series.series_id,
        step.month_index,
        0 as received,
        0 as resolved
    from series
    inner join bound on series.period_convention = bound.period_convention
    cross join generate_series(bound.first_month, bound.last_month) as step (month_index)
    union all
    select
        series.series_id,
        every_line.month_index,
        cast(every_line.received as int) as received,
        cast(every_line.resolved as int) as resolved
    from every_line
    inner join series
        on
            every_line.org_view = series.org_view
            and every_line.agency_code = series.agency_code
            and every_line.line = series.line
            and every_line.source_id is not distinct from series.source_id
            and every_line.period_convention = series.period_convention
),

running as (
    select
        series_id,
        month_index,
        sum(sum(received)) over months as received_until,
        sum(sum(resolved)) over months as resolved_until
    from every_month
    group by series_id, month_index
    window months as (partition by series_id order by month_index)
),

-- What ran up to a period's last month, less what had run up to the month before it. One join by month: joining the
-- running totals with themselves takes minutes where hundreds of units have years of periods.
figure as (
    select
        part.period_id,
        running.series_id,
        sum(case when part.is_last then running.received_until else -running.received_until end) as received,
        sum(case when part.is_last then running.resolved_until else -running.resolved_until end) as resolved,
        sum(case when part.is_last then running.received_until - running.resolved_until else 0 end) as in_progress
    from running
    inner join series on running.series_id = series.series_id
    inner join {{ ref('int_period__month') }} as part
        on
            series.period_convention = part.period_convention
            and running.month_index = part.month_index
            and (part.is_last or part.is_before)
    group by part.period_id, running.series_id
)

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    series.org_view,
    series.agency_code,
    word.line_order,
    series.line,
    word.kind as line_kind,
    word.name_vi as line_name_vi,
    series.source_id,
    cast(figure.received as numeric) as received,
    cast(figure.resolved as numeric) as resolved,
    cast(figure.in_progress as numeric) as in_progress
from figure
inner join series on figure.series_id = series.series_id
inner join {{ ref('int_period__period') }} as period on figure.period_id = period.period_id
inner join {{ ref('reconciliation_line') }} as word on series.line = word.line
where figure.received <> 0 or figure.resolved <> 0 or figure.in_progress <> 0
order by figure.period_id
