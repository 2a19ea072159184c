{{ config(tags=['reads_all']) }}

-- The province's form once more, straight from the dossiers by comparing dates, for the newest quarters of both
-- conventions: the months' arithmetic and the definition of metrics.md must agree.
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
        count(*) filter (where dossier.received_on >= quarter.period_from and dossier.channel = 2) as received_online,
        count(*) filter (where dossier.received_on >= quarter.period_from and dossier.channel <> 2)
            as received_direct_postal,
        count(*) filter (where dossier.received_on < quarter.period_from) as received_carried_over,
        count(*) filter (where dossier.finished_on <= quarter.period_to and dossier.outcome = 'early') as resolved_early,
        count(*) filter (where dossier.finished_on <= quarter.period_to and dossier.outcome = 'on_time')
            as resolved_on_time,
        count(*) filter (where dossier.finished_on <= quarter.period_to and dossier.outcome = 'overdue')
            as resolved_overdue,
        count(*) filter (
            where (dossier.finished_on <= quarter.period_to) is not true
            and dossier.due_on < quarter.period_to
            and (dossier.suspended_during @> quarter.period_to) is not true
        ) as in_progress_overdue
    from quarter
    inner join {{ ref('fct_dossier') }} as dossier
        on
            dossier.received_on <= quarter.period_to
            and (dossier.finished_on is null or dossier.finished_on >= quarter.period_from)
    group by quarter.period_convention, quarter.period
)

select
    form.org_view,
    form.period_convention,
    form.period
from {{ ref('form_ii_06a') }} as form
inner join recount
    on form.period_convention = recount.period_convention and form.period = recount.period
where
    form.agency_code = '{{ var("province_code") }}'
    and (
        form.received_online, form.received_direct_postal, form.received_carried_over,
        form.resolved_early, form.resolved_on_time, form.resolved_overdue, form.in_progress_overdue
    ) is distinct from (
        recount.received_online, recount.received_direct_postal, recount.received_carried_over,
        recount.resolved_early, recount.resolved_on_time, recount.resolved_overdue, recount.in_progress_overdue
    )
