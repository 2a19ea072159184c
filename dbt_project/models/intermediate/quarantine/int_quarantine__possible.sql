{{ config(materialized='incremental', on_schema_change='fail', pre_hook="{{ forget_uncertain() }}") }}

-- Per period: what every uncertain dossier could be to each metric after a correction, what it could be where it counts
-- already, and what it is there now (macro uncertain_metrics); its working days; what makes a procedure or a commune
-- count. A dossier that only a payment, a rating or the portal's row leaves uncertain moves the metrics that are about
-- these alone. Kept from build to build for dossiers of which all stayed as it was.
{%- set of_payment, of_rating = bits_of(['online_payment_rate']), bits_of(['dossier_satisfaction_rate']) %}
{%- set of_sync, of_agreement = bits_of(['portal_sync_rate']), bits_of(['portal_agreement_rate']) %}
with

changed as (
    select dossier_key
    from {{ ref('int_quarantine__changed') }}
    where is_changed
),

shown as (
    select
        uncertain.*,
        period.period_id,
        period.period_to,
        uncertain.received_last >= period.period_from as is_new,
        uncertain.received_first < period.period_from and (
            uncertain.may_be_open or (uncertain.may_be_finished and uncertain.finished_last >= period.period_from)
        ) as is_carried_over,
        uncertain.may_be_finished
        and uncertain.finished_first <= period.period_to
        and uncertain.finished_last >= period.period_from as is_resolved,
        uncertain.may_be_open
        or (uncertain.may_be_finished and uncertain.finished_last > period.period_to) as is_in_progress,
        least(uncertain.finished_last, period.period_to) as done_last
    from {{ ref('int_quarantine__uncertain') }} as uncertain
    inner join {{ ref('int_period__period') }} as period
        on uncertain.received_first <= period.period_to
    where
        uncertain.dossier_key in (select changed.dossier_key from changed)
        and uncertain.may_count
        and (
            uncertain.received_last >= period.period_from
            or uncertain.may_be_open
            or uncertain.finished_last >= period.period_from
        )
),

could as (
    select
        shown.dossier_key,
        shown.period_id,
        {{ could_as_bits('for') | indent(8) }} as could_for,
        {{ could_as_bits('against') | indent(8) }} as could_against,
        shown.is_resolved and not shown.is_withdrawn as may_have_days,
        -- Its suspended days nobody knows: at least none of these days.
        case
            when shown.received_first > '-infinity'
                then
                    greatest(
                        {{ working_day_number('done', 'shown.done_last') }}
                        - {{ working_day_number('received', 'shown.received_first') }},
                        0
                    )
        end as days_highest,
        shown.is_new and coalesce(shown.channel = 2, true) as may_be_new_online,
        shown.is_new and coalesce(shown.channel <> 2, true) as may_be_new_otherwise
    from shown
    left join {{ ref('int_time__day') }} as received on shown.received_first = received.day
    left join {{ ref('int_time__day') }} as done on shown.done_last = done.day
    where shown.is_new or shown.is_carried_over or shown.is_resolved or shown.is_in_progress
),

counted as (
    select *
    from {{ ref('int_quarantine__counted') }}
    where dossier_key in (select changed.dossier_key from changed)
),

counts as (
    select
        counted.dossier_key,
        counted.is_its_own,
        dossier.*
    from counted
    inner join {{ ref('int_metric__counted_dossier') }} as dossier on counted.dossier_code = dossier.dossier_code
    -- Looked up by code: the view is made for few dossiers.
    where dossier.dossier_code = any(array(select named.dossier_code from counted as named))
),

said as (
    select
        dossier_code,
        bool_or(entity = 'payment' and may_be_for) as payment_for,
        bool_or(entity = 'payment' and may_be_against) as payment_against,
        bool_or(entity = 'rating' and may_be_for) as rating_for,
        bool_or(entity = 'rating' and may_be_against) as rating_against,
        bool_or(entity = 'dossier') as is_shown
    from {{ ref('int_quarantine__witness') }}
    where dossier_code is not null
    group by dossier_code
),

witnessed as (
    select
        counts.*,
        'online_payment_rate' = any(counts.denominators) as has_fee,
        'resolved_total' = any(counts.numerators) as is_done,
        'portal_sync_rate' = any(counts.denominators) as is_one_stop,
        said.payment_for,
        said.payment_against,
        said.rating_for,
        said.rating_against,
        said.is_shown
    from counts
    left join said on counts.dossier_code = said.dossier_code
),

stands as (
    select
        dossier_key,
        period_id,
        is_its_own,
        case when has_fee and payment_for then {{ of_payment }} else 0 end
        + case when is_done and rating_for then {{ of_rating }} else 0 end
        + case when is_one_stop and is_shown then {{ of_sync + of_agreement }} else 0 end as witness_for,
        case when has_fee and payment_against then {{ of_payment }} else 0 end
        + case when is_done and rating_against then {{ of_rating }} else 0 end
        + case when is_one_stop and is_shown then {{ of_agreement }} else 0 end as witness_against,
        {{ is_as_bits('for') | indent(8) }} as is_for,
        {{ is_as_bits('against') | indent(8) }} as is_against,
        processing_working_days,
        coalesce('online_procedure_rate' = any(denominators), false) as is_offered,
        'online_procedure_rate' = any(numerators) as is_new_online,
        'electronic_certification_unit_rate' = any(numerators) as is_certified,
        procedure_code
    from witnessed
),

masked as (
    select
        stands.*,
        case when stands.is_its_own then stands.is_for else stands.is_for & stands.about end as seen_for,
        case when stands.is_its_own then stands.is_against else stands.is_against & stands.about end as seen_against
    from (
        select
            *,
            -- What the rows say matters where it is something else than what the dossier is.
            (witness_for & ~is_for) | (witness_against & ~is_against) as about
        from stands
    ) as stands
)

select
    dossier_key,
    period_id,
    coalesce(could.could_for, 0) as could_for,
    coalesce(could.could_against, 0) as could_against,
    coalesce((masked.witness_for & masked.about) | masked.seen_for, 0) as stays_for,
    coalesce((masked.witness_against & masked.about) | masked.seen_against, 0) as stays_against,
    coalesce(masked.seen_for, 0) as is_for,
    coalesce(masked.seen_against, 0) as is_against,
    coalesce(could.may_have_days, false) as may_have_days,
    could.days_highest,
    case when masked.is_its_own then masked.processing_working_days end as days_now,
    coalesce(could.may_be_new_online, false) as may_be_new_online,
    coalesce(could.may_be_new_otherwise, false) as may_be_new_otherwise,
    coalesce(masked.is_its_own and masked.is_offered, false) as is_offered,
    coalesce(masked.is_its_own and masked.is_new_online, false) as is_new_online,
    coalesce(masked.is_its_own and masked.is_certified, false) as is_certified,
    masked.procedure_code as procedure_now
from could
full join masked using (dossier_key, period_id)
