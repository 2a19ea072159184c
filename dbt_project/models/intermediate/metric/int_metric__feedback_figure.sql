-- The figures of feedback cases, for all fields together. As for dossiers: what a period shows is judged by the current
-- version's dates, the state is that of the period's own last day; units by the day of receipt.
with

-- Metrics of a kind of source that is not configured have no row.
configured as (
    select count(*) > 0 as is_configured
    from {{ ref('stg_platform__source') }}
    where source_kind = 'feedback_api' and is_listed
),

feedback as (
    select
        origin.case_code,
        origin.received_on,
        origin.answered_on,
        origin.due_on,
        origin.content_kind,
        origin.complained_again_on,
        coalesce(origin.satisfaction = 'khong_hai_long', false) as is_dissatisfied,
        {{ place_chain('place', 'as_was', 'origin.agency_code') | indent(8) }} as chain_as_was,
        {{ place_chain('place', 'as_is', 'origin.agency_code') | indent(8) }} as chain_as_is
    from {{ ref('int_feedback__case') }} as origin
    cross join configured
    left join {{ ref('int_agency__place') }} as place
        on
            origin.agency_code = place.agency_code
            and origin.received_on between place.received_from and place.received_to
    where origin.is_counted and configured.is_configured
),

-- Every case in every period that shows it.
shown as (
    select
        period.period_id,
        feedback.chain_as_was,
        feedback.chain_as_is,
        feedback.content_kind,
        feedback.received_on >= period.period_from as is_new,
        coalesce(feedback.answered_on <= period.period_to, false) as is_handled,
        case
            when feedback.answered_on <= period.period_to then feedback.answered_on > feedback.due_on
            else feedback.due_on < period.period_to
        end as is_overdue,
        feedback.is_dissatisfied or coalesce(feedback.complained_again_on <= period.period_to, false) as is_unhappy
    from feedback
    inner join {{ ref('int_period__period') }} as period
        on
            feedback.received_on <= period.period_to
            and (feedback.answered_on is null or feedback.answered_on >= period.period_from)
),

cell as (
    select
        period_id,
        chain_as_was,
        chain_as_is,
        count(*) as total,
        count(*) filter (where is_new) as new,
        count(*) filter (where is_handled and not is_overdue) as handled_on_time,
        count(*) filter (where is_handled and is_overdue) as handled_overdue,
        count(*) filter (where not is_handled and not is_overdue) as in_progress_within,
        count(*) filter (where not is_handled and is_overdue) as in_progress_overdue,
        count(*) filter (where not is_unhappy and not is_overdue) as satisfied,
        count(*) filter (where content_kind = 1) as about_behaviour,
        count(content_kind) as with_content_kind
    from shown
    group by period_id, chain_as_was, chain_as_is
),

unit as (
    select
        cell.period_id,
        view.org_view,
        view.agency_code,
        sum(cell.total) as total,
        sum(cell.new) as new,
        sum(cell.handled_on_time) as handled_on_time,
        sum(cell.handled_overdue) as handled_overdue,
        sum(cell.in_progress_within) as in_progress_within,
        sum(cell.in_progress_overdue) as in_progress_overdue,
        sum(cell.satisfied) as satisfied,
        sum(cell.about_behaviour) as about_behaviour,
        sum(cell.with_content_kind) as with_content_kind
    from cell
    cross join
        lateral (
            select
                'as_was' as org_view,
                agency_code
            from unnest(cell.chain_as_was) as agency_code
            union all
            select
                'as_is' as org_view,
                agency_code
            from unnest(cell.chain_as_is) as agency_code
        ) as view
    group by cell.period_id, view.org_view, view.agency_code
)

select
    unit.period_id,
    unit.org_view,
    unit.agency_code,
    '*' as field_code,
    figure.metric_code,
    cast(figure.numerator as numeric) as numerator,
    cast(figure.denominator as numeric) as denominator
from unit
cross join
    lateral (
        values
        ('feedback_received_total', unit.total, null),
        ('feedback_received_new', unit.new, null),
        ('feedback_received_carried_over', unit.total - unit.new, null),
        ('feedback_handled_total', unit.handled_on_time + unit.handled_overdue, null),
        ('feedback_handled_on_time', unit.handled_on_time, null),
        ('feedback_handled_overdue', unit.handled_overdue, null),
        ('feedback_in_progress_total', unit.in_progress_within + unit.in_progress_overdue, null),
        ('feedback_in_progress_within', unit.in_progress_within, null),
        ('feedback_in_progress_overdue', unit.in_progress_overdue, null),
        ('feedback_on_time_rate', unit.handled_on_time + unit.in_progress_within, unit.total),
        ('feedback_satisfaction_rate', unit.satisfied, unit.total),
        ('feedback_behaviour_share', unit.about_behaviour, unit.with_content_kind)
    ) as figure (metric_code, numerator, denominator)
where figure.numerator <> 0 or figure.denominator <> 0
