-- Column 6 of a period is column 11 of the one before it, unit by unit and field by field; so it is with feedback. Of
-- the first period nothing can be said.
with

period as (
    select
        earlier.period_convention,
        earlier.period,
        later.period as following_period
    from {{ ref('dim_period') }} as earlier
    inner join {{ ref('dim_period') }} as later
        on
            earlier.period_convention = later.period_convention
            and earlier.period_kind = later.period_kind
            and earlier.period_to + 1 = later.period_from
),

figure as (
    select
        period_convention,
        period,
        org_view,
        agency_code,
        field_code,
        metric_code,
        case when metric_code like 'feedback%' then 'feedback' else 'dossier' end as subject,
        value
    from {{ ref('quarterly_metric') }}
    where
        metric_code in (
            'received_carried_over', 'in_progress_total', 'feedback_received_carried_over', 'feedback_in_progress_total'
        )
)

select
    period_convention,
    following_period,
    org_view,
    agency_code,
    field_code,
    subject,
    left_over.value as left_over,
    taken_over.value as taken_over
from (
    select
        figure.*,
        period.following_period
    from figure
    inner join period on figure.period_convention = period.period_convention and figure.period = period.period
    where figure.metric_code in ('in_progress_total', 'feedback_in_progress_total')
) as left_over
full join (
    select
        figure.*,
        figure.period as following_period
    from figure
    inner join period
        on figure.period_convention = period.period_convention and figure.period = period.following_period
    where figure.metric_code in ('received_carried_over', 'feedback_received_carried_over')
) as taken_over
    using (period_convention, following_period, org_view, agency_code, field_code, subject)
where left_over.value is distinct from taken_over.value
