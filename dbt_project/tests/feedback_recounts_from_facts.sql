-- The province's feedback once more, straight from the cases, for the newest quarters of both conventions.
with

quarter as (
    select *
    from (
        select
            *,
            row_number() over (partition by period_convention order by period_from desc) as recency
        from {{ ref('dim_period') }}
        where period_kind = 'quarter'
    ) as ordered
    where recency <= 2
),

recount as (
    select
        quarter.period_convention,
        quarter.period,
        count(*) as total,
        count(*) filter (where feedback.received_on >= quarter.period_from) as new,
        count(*) filter (where feedback.answered_on <= quarter.period_to) as handled,
        count(*) filter (
            where case
                when feedback.answered_on <= quarter.period_to then feedback.answered_on > feedback.due_on
                else feedback.due_on < quarter.period_to
            end
        ) as overdue,
        count(*) filter (
            where
            feedback.satisfaction = 'khong_hai_long'
            or feedback.complained_again_on <= quarter.period_to
            or case
                when feedback.answered_on <= quarter.period_to then feedback.answered_on > feedback.due_on
                else feedback.due_on < quarter.period_to
            end
        ) as unhappy
    from quarter
    inner join {{ ref('fct_feedback') }} as feedback
        on
            feedback.received_on <= quarter.period_to
            and (feedback.answered_on is null or feedback.answered_on >= quarter.period_from)
    where feedback.is_counted
    group by quarter.period_convention, quarter.period
),

shown as (
    select
        period_convention,
        period,
        org_view,
        max(numerator) filter (where metric_code = 'feedback_received_total') as total,
        coalesce(max(numerator) filter (where metric_code = 'feedback_received_new'), 0) as new,
        coalesce(max(numerator) filter (where metric_code = 'feedback_handled_total'), 0) as handled,
        max(denominator - numerator) filter (where metric_code = 'feedback_on_time_rate') as overdue,
        max(denominator - numerator) filter (where metric_code = 'feedback_satisfaction_rate') as unhappy
    from {{ ref('quarterly_metric') }}
    where agency_code = '{{ var("province_code") }}' and field_code = '*' and metric_code like 'feedback%'
    group by period_convention, period, org_view
)

select
    period_convention,
    period,
    shown.org_view
from recount
left join shown using (period_convention, period)
where
    (shown.total, shown.new, shown.handled, shown.overdue, shown.unhappy)
    is distinct from (recount.total, recount.new, recount.handled, recount.overdue, recount.unhappy)
    -- Without a source of feedback in province.yml there are no figures of it.
    and exists (
        select 1
        from {{ ref('stg_platform__source') }}
        where source_kind = 'feedback_api' and is_listed
    )
