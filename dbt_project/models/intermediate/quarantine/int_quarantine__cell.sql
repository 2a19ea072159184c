-- Per period, view, unit and count of the form: how many uncertain dossiers could enter the count, and how many that
-- are in it now could leave it. A dossier whose unit nobody knows could be at any unit that its source has dossiers of.
with

could as (
    select
        uncertain.dossier_key,
        uncertain.source_id,
        uncertain.is_withdrawn,
        uncertain.channel,
        period.period_id,
        uncertain.received_last >= period.period_from as is_new,
        uncertain.received_first < period.period_from and (
            uncertain.may_be_open or (uncertain.may_be_finished and uncertain.finished_last >= period.period_from)
        ) as is_carried_over,
        uncertain.may_be_finished
        and uncertain.finished_first <= period.period_to
        and uncertain.finished_last >= period.period_from as is_resolved,
        uncertain.may_be_open
        or (uncertain.may_be_finished and uncertain.finished_last > period.period_to) as is_in_progress
    from {{ ref('int_quarantine__uncertain') }} as uncertain
    inner join {{ ref('int_period__period') }} as period
        on uncertain.received_first <= period.period_to
    where
        uncertain.may_count
        and (
            uncertain.received_last >= period.period_from
            or uncertain.may_be_open
            or uncertain.finished_last >= period.period_from
        )
),

could_count as (
    select
        could.dossier_key,
        could.source_id,
        could.period_id,
        figure.metric_code
    from could
    cross join
        lateral (
            values
            ('received_total', could.is_new or could.is_carried_over),
            ('received_online', could.is_new and coalesce(could.channel = 2, true)),
            ('received_direct_postal', could.is_new and coalesce(could.channel <> 2, true)),
            ('received_carried_over', could.is_carried_over),
            ('resolved_total', could.is_resolved),
            ('resolved_early', could.is_resolved and not could.is_withdrawn),
            ('resolved_on_time', could.is_resolved),
            ('resolved_overdue', could.is_resolved and not could.is_withdrawn),
            ('in_progress_total', could.is_in_progress),
            ('in_progress_within', could.is_in_progress),
            ('in_progress_overdue', could.is_in_progress),
            ('suspended_total', could.is_in_progress)
        ) as figure (metric_code, is_possible)
    where figure.is_possible
),

-- Where it could be: its unit and those above, in the trees of all days that its receipt may have been on.
could_be_at as (
    select distinct
        uncertain.dossier_key,
        unit.org_view,
        unit.agency_code
    from {{ ref('int_quarantine__uncertain') }} as uncertain
    inner join {{ ref('int_agency__place') }} as place
        on
            uncertain.agency_code = place.agency_code
            and uncertain.received_last >= place.received_from
            and uncertain.received_first <= place.received_to
    inner join {{ ref('int_agency__place_unit') }} as unit on place.place_id = unit.place_id
),

nowhere as (
    select dossier_key
    from {{ ref('int_quarantine__uncertain') }}
    where dossier_key not in (select at_unit.dossier_key from could_be_at as at_unit)
),

candidate as (
    select * from could_be_at
    union all
    select
        nowhere.dossier_key,
        org_view,
        '{{ var("province_code") }}' as agency_code
    from nowhere
    cross join (values ('as_was'), ('as_is')) as view (org_view)
),

entering as (
    select
        could_count.dossier_key,
        could_count.period_id,
        candidate.org_view,
        candidate.agency_code,
        could_count.metric_code
    from could_count
    inner join candidate on could_count.dossier_key = candidate.dossier_key
),

counted as (
    select
        uncertain.dossier_key,
        dossier.place_id,
        dossier.channel,
        dossier.outcome,
        period.period_id,
        dossier.received_on >= period.period_from as is_new,
        coalesce(dossier.finished_on <= period.period_to, false) as is_resolved,
        coalesce(dossier.suspended_during @> period.period_to, false) as is_suspended,
        coalesce(dossier.due_on < period.period_to, false) as is_past_due
    from {{ ref('int_quarantine__uncertain') }} as uncertain
    inner join {{ ref('int_dossier__counted') }} as dossier on uncertain.counted_code = dossier.dossier_code
    inner join {{ ref('int_period__period') }} as period
        on
            dossier.received_on <= period.period_to
            and (dossier.finished_on is null or dossier.finished_on >= period.period_from)
),

leaving as (
    select
        counted.dossier_key,
        counted.period_id,
        unit.org_view,
        unit.agency_code,
        figure.metric_code
    from counted
    inner join {{ ref('int_agency__place_unit') }} as unit on counted.place_id = unit.place_id
    cross join
        lateral (
            values
            ('received_total', true),
            ('received_online', counted.is_new and counted.channel = 2),
            ('received_direct_postal', counted.is_new and counted.channel <> 2),
            ('received_carried_over', not counted.is_new),
            ('resolved_total', counted.is_resolved),
            ('resolved_early', counted.is_resolved and counted.outcome = 'early'),
            ('resolved_on_time', counted.is_resolved and counted.outcome = 'on_time'),
            ('resolved_overdue', counted.is_resolved and counted.outcome = 'overdue'),
            ('in_progress_total', not counted.is_resolved),
            (
                'in_progress_within',
                not counted.is_resolved and (counted.is_suspended or not counted.is_past_due)
            ),
            (
                'in_progress_overdue',
                not counted.is_resolved and not counted.is_suspended and counted.is_past_due
            ),
            ('suspended_total', not counted.is_resolved and counted.is_suspended)
        ) as figure (metric_code, is_in)
    where figure.is_in
),

source_unit as (
    select distinct
        dossier.source_id,
        unit.org_view,
        unit.agency_code
    from {{ ref('int_dossier__counted') }} as dossier
    inner join {{ ref('int_agency__place_unit') }} as unit on dossier.place_id = unit.place_id
    where
        unit.agency_code <> '{{ var("province_code") }}'
        and dossier.source_id in (select uncertain.source_id from {{ ref('int_quarantine__uncertain') }} as uncertain)
),

moved as (
    select
        period_id,
        org_view,
        agency_code,
        metric_code,
        count(*) filter (where leaving.dossier_key is null) as could_enter,
        count(leaving.dossier_key) as could_leave
    from entering
    full join leaving using (dossier_key, period_id, org_view, agency_code, metric_code)
    group by 1, 2, 3, 4
    union all
    select
        anywhere.period_id,
        source_unit.org_view,
        source_unit.agency_code,
        anywhere.metric_code,
        anywhere.dossiers as could_enter,
        0 as could_leave
    from (
        select
            could_count.source_id,
            could_count.period_id,
            could_count.metric_code,
            count(*) as dossiers
        from could_count
        where could_count.dossier_key in (select nowhere.dossier_key from nowhere)
        group by 1, 2, 3
    ) as anywhere
    inner join source_unit on anywhere.source_id = source_unit.source_id
)

select
    period_id,
    org_view,
    agency_code,
    metric_code,
    cast(sum(could_enter) as int) as could_enter,
    cast(sum(could_leave) as int) as could_leave
from moved
group by 1, 2, 3, 4
