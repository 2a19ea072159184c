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
        dossier_key,
        source_id,
        period_id,
        {{ counts_as_bits('could') | indent(8) }} as counts
    from could
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
        could_count.counts
    from could_count
    inner join candidate on could_count.dossier_key = candidate.dossier_key
    where could_count.counts > 0
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

does_count as (
    select
        dossier_key,
        place_id,
        period_id,
        {{ counts_as_bits('does') | indent(8) }} as counts
    from counted
),

leaving as (
    select
        does_count.dossier_key,
        does_count.period_id,
        unit.org_view,
        unit.agency_code,
        does_count.counts
    from does_count
    inner join {{ ref('int_agency__place_unit') }} as unit on does_count.place_id = unit.place_id
),

source_place as (
    select distinct
        source_id,
        place_id
    from {{ ref('int_dossier__counted') }}
),

source_unit as (
    select distinct
        source_place.source_id,
        unit.org_view,
        unit.agency_code
    from source_place
    inner join {{ ref('int_agency__place_unit') }} as unit on source_place.place_id = unit.place_id
    where unit.agency_code <> '{{ var("province_code") }}'
),

moving as (
    select
        period_id,
        org_view,
        agency_code,
        coalesce(entering.counts, 0) as could_be_in,
        coalesce(leaving.counts, 0) as are_in,
        1 as dossiers
    from entering
    full join leaving using (dossier_key, period_id, org_view, agency_code)
    union all
    select
        anywhere.period_id,
        source_unit.org_view,
        source_unit.agency_code,
        anywhere.counts as could_be_in,
        0 as are_in,
        anywhere.dossiers
    from (
        select
            could_count.source_id,
            could_count.period_id,
            could_count.counts,
            count(*) as dossiers
        from could_count
        where could_count.dossier_key in (select nowhere.dossier_key from nowhere)
        group by could_count.source_id, could_count.period_id, could_count.counts
    ) as anywhere
    inner join source_unit on anywhere.source_id = source_unit.source_id
),

moved as (
    select
        period_id,
        org_view,
        agency_code,
        {{ counts_moved() | indent(8) }}
    from moving
    group by period_id, org_view, agency_code
)

select
    moved.period_id,
    moved.org_view,
    moved.agency_code,
    figure.metric_code,
    cast(figure.could_enter as int) as could_enter,
    cast(figure.could_leave as int) as could_leave
from moved
cross join
    lateral (
        values
        {{ counts_as_rows('moved') | indent(8) }}
    ) as figure (metric_code, could_enter, could_leave)
where figure.could_enter > 0 or figure.could_leave > 0
