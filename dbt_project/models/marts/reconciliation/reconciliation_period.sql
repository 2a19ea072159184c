-- Written in the order of periods: an index of page ranges then finds a period at almost no cost to the build.
{{ config(indexes=[{'columns': ['period_convention', 'period'], 'type': 'brin'}]) }}

-- The totals of each source side by side, and the bridge from one to the other, for every period, view and unit.
with

unit_cell as (
    select
        unit.org_view,
        unit.agency_code,
        cell.line,
        cell.source_id,
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

-- Every line of a unit in every month: what happened in it, and nothing in the others.
every_month as (
    select
        series.org_view,
        series.agency_code,
        series.line,
        series.source_id,
        series.period_convention,
        step.month_index,
        0 as received,
        0 as resolved
    from (
        select distinct
            org_view,
            agency_code,
            line,
            source_id,
            period_convention
        from every_line
    ) as series
    inner join bound on series.period_convention = bound.period_convention
    cross join generate_series(bound.first_month, bound.last_month) as step (month_index)
    union all
    select * from every_line
),

running as (
    select
        org_view,
        agency_code,
        line,
        source_id,
        period_convention,
        month_index,
        sum(sum(received)) over months as received_until,
        sum(sum(resolved)) over months as resolved_until
    from every_month
    group by org_view, agency_code, line, source_id, period_convention, month_index
    window
        months as (
            partition by org_view, agency_code, line, source_id, period_convention
            order by month_index
        )
),

-- What ran up to a period's last month, less what had run up to the month before it. One join by month: joining the
-- running totals with themselves takes minutes where hundreds of units have years of periods.
figure as (
    select
        period.period_id,
        period.period_convention,
        period.period,
        period.period_from,
        period.period_to,
        running.org_view,
        running.agency_code,
        running.line,
        running.source_id,
        sum(case when part.is_last then running.received_until else -running.received_until end) as received,
        sum(case when part.is_last then running.resolved_until else -running.resolved_until end) as resolved,
        sum(case when part.is_last then running.received_until - running.resolved_until else 0 end) as in_progress
    from running
    inner join {{ ref('int_period__month') }} as part
        on
            running.period_convention = part.period_convention
            and running.month_index = part.month_index
            and (part.is_last or part.is_before)
    inner join {{ ref('int_period__period') }} as period on part.period_id = period.period_id
    group by
        period.period_id,
        period.period_convention,
        period.period,
        period.period_from,
        period.period_to,
        running.org_view,
        running.agency_code,
        running.line,
        running.source_id
)

select
    figure.period_convention,
    figure.period,
    figure.period_from,
    figure.period_to,
    figure.org_view,
    figure.agency_code,
    word.line_order,
    figure.line,
    word.kind as line_kind,
    word.name_vi as line_name_vi,
    figure.source_id,
    cast(figure.received as numeric) as received,
    cast(figure.resolved as numeric) as resolved,
    cast(figure.in_progress as numeric) as in_progress
from figure
inner join {{ ref('reconciliation_line') }} as word on figure.line = word.line
where figure.received <> 0 or figure.resolved <> 0 or figure.in_progress <> 0
order by figure.period_id
