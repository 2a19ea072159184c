-- What is new, resolved, announced or issued in a longer period is the sum over its months, unit by unit: numerators
-- and denominators alike. Of a period under way the months not begun are not shown: only those that are over are compared.
with

period as (
    select
        period_convention,
        period,
        period_kind,
        period_from,
        period_to
    from {{ ref('dim_period') }}
    where not is_preliminary
),

flow as (
    select
        period_convention,
        period,
        org_view,
        agency_code,
        metric_code,
        numerator,
        denominator
    from {{ ref('quarterly_metric') }}
    where
        field_code = '*'
        and metric_code in (
            'received_online', 'received_direct_postal',
            'resolved_total', 'resolved_early', 'resolved_on_time', 'resolved_overdue',
            'on_time_rate', 'early_rate', 'overdue_rate', 'no_due_date_rate', 'processing_working_days_mean',
            'intake_8h_rate', 'online_submission_rate', 'full_online_rate', 'online_payment_rate',
            'digitised_intake_rate', 'data_reuse_rate', 'identity_verified_rate', 'electronic_result_rate',
            'dossier_satisfaction_rate',
            'feedback_received_new', 'feedback_handled_total', 'feedback_handled_on_time', 'feedback_handled_overdue',
            'procedure_on_time_publication_rate', 'digital_signature_rate'
        )
),

summed as (
    select
        longer.period_convention,
        longer.period,
        flow.org_view,
        flow.agency_code,
        flow.metric_code,
        sum(flow.numerator) as numerator,
        sum(flow.denominator) as denominator
    from period as longer
    inner join period as month
        on
            longer.period_convention = month.period_convention
            and month.period_kind = 'month'
            and month.period_from between longer.period_from and longer.period_to
    inner join flow on month.period_convention = flow.period_convention and month.period = flow.period
    where longer.period_kind <> 'month'
    group by longer.period_convention, longer.period, flow.org_view, flow.agency_code, flow.metric_code
),

counted as (
    select flow.*
    from flow
    inner join period
        on
            flow.period_convention = period.period_convention
            and flow.period = period.period
            and period.period_kind <> 'month'
)

select
    period_convention,
    period,
    org_view,
    agency_code,
    metric_code
from summed
full join counted using (period_convention, period, org_view, agency_code, metric_code)
where
    (summed.numerator, summed.denominator) is distinct from (counted.numerator, counted.denominator)
    -- Months before the first receipt are not shown, though the period that begins with them is.
    and not exists (
        select 1
        from period as first_months
        where
            first_months.period_convention = counted.period_convention
            and first_months.period = counted.period
            and first_months.period_from < (
                select min(shown.period_from)
                from period as shown
                where shown.period_convention = counted.period_convention and shown.period_kind = 'month'
            )
    )
