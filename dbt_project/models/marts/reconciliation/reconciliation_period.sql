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

-- Every line of a unit in every month, with its running totals.
running as (
    select
        series.org_view,
        series.agency_code,
        series.line,
        series.source_id,
        series.period_convention,
        step.month_index,
        sum(coalesce(every_line.received, 0)) over months as received_until,
        sum(coalesce(every_line.resolved, 0)) over months as resolved_until
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
    left join every_line
        on
            series.org_view = every_line.org_view
            and series.agency_code = every_line.agency_code
            and series.line = every_line.line
            and series.source_id is not distinct from every_line.source_id
            and series.period_convention = every_line.period_convention
            and step.month_index = every_line.month_index
    window
        months as (
            partition by
                series.org_view, series.agency_code, series.line, series.source_id, series.period_convention
            order by step.month_index
        )
),

figure as (
    select
        period.period_id,
        period.period_convention,
        period.period,
        period.period_from,
        period.period_to,
        ended.org_view,
        ended.agency_code,
        ended.line,
        ended.source_id,
        ended.received_until - began.received_until as received,
        ended.resolved_until - began.resolved_until as resolved,
        ended.received_until - ended.resolved_until as in_progress
    from {{ ref('int_period__period') }} as period
    inner join running as ended
        on
            period.period_convention = ended.period_convention
            and period.last_month = ended.month_index
    inner join running as began
        on
            ended.period_convention = began.period_convention
            and began.month_index = period.first_month - 1
            and ended.org_view = began.org_view
            and ended.agency_code = began.agency_code
            and ended.line = began.line
            and ended.source_id is not distinct from began.source_id
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
