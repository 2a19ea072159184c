-- The same as int_quarantine__cell for feedback cases, for all fields together.
with

{{ feedback_shown() }},

feedback_case as (
    select
        period_id,
        case_code,
        chain_as_was,
        chain_as_is,
        {{ feedback_measures_of_case() | indent(8) }}
    from shown
    where case_code in (select counted_code from {{ ref('int_quarantine__case') }})
),

could as (
    select
        uncertain.*,
        period.period_id,
        uncertain.received_last >= period.period_from as is_new,
        uncertain.received_first < period.period_from and (
            uncertain.may_be_open or (uncertain.may_be_finished and uncertain.finished_last >= period.period_from)
        ) as is_carried_over,
        uncertain.may_be_finished
        and uncertain.finished_first <= period.period_to
        and uncertain.finished_last >= period.period_from as is_handled,
        uncertain.may_be_open
        or (uncertain.may_be_finished and uncertain.finished_last > period.period_to) as is_in_progress
    from {{ ref('int_quarantine__case') }} as uncertain
    inner join {{ ref('int_period__period') }} as period on uncertain.received_first <= period.period_to
    where
        uncertain.may_count
        and (
            uncertain.received_last >= period.period_from
            or uncertain.may_be_open
            or uncertain.finished_last >= period.period_from
        )
),

could_be as (
    select
        could.case_key,
        could.period_id,
        figure.metric_code,
        figure.may_be_for,
        figure.may_be_against
    from could
    cross join lateral (select could.is_new or could.is_carried_over as is_shown) as life
    cross join
        lateral (
            values
            ('feedback_received_total', life.is_shown, false),
            ('feedback_received_new', could.is_new, false),
            ('feedback_received_carried_over', could.is_carried_over, false),
            ('feedback_handled_total', could.is_handled, false),
            ('feedback_handled_on_time', could.is_handled, false),
            ('feedback_handled_overdue', could.is_handled, false),
            ('feedback_in_progress_total', could.is_in_progress, false),
            ('feedback_in_progress_within', could.is_in_progress, false),
            ('feedback_in_progress_overdue', could.is_in_progress, false),
            ('feedback_on_time_rate', life.is_shown, life.is_shown),
            ('feedback_satisfaction_rate', life.is_shown and not could.is_dissatisfied, life.is_shown),
            (
                'feedback_behaviour_share',
                life.is_shown and could.may_be_about_behaviour,
                life.is_shown and could.may_be_about_else
            )
        ) as figure (metric_code, may_be_for, may_be_against)
    where figure.may_be_for or figure.may_be_against
),

-- Where it could be; the unit of one that names none is the province.
known_unit as (
    select distinct
        uncertain.case_key,
        view.org_view,
        view.agency_code
    from {{ ref('int_quarantine__case') }} as uncertain
    left join {{ ref('int_agency__place') }} as place
        on
            uncertain.agency_code = place.agency_code
            and uncertain.received_last >= place.received_from
            and uncertain.received_first <= place.received_to
    cross join
        lateral (
            select
                'as_was' as org_view,
                unnest({{ place_chain('place', 'as_was', 'uncertain.agency_code') | indent(16) }}) as agency_code
            union all
            select
                'as_is' as org_view,
                unnest({{ place_chain('place', 'as_is', 'uncertain.agency_code') | indent(16) }}) as agency_code
        ) as view
    where uncertain.may_count and uncertain.agency_code is not null
),

any_unit as (
    select distinct
        view.org_view,
        unit.agency_code
    from {{ ref('int_feedback__case') }} as origin
    left join {{ ref('int_agency__place') }} as place
        on
            origin.agency_code = place.agency_code
            and origin.received_on between place.received_from and place.received_to
    cross join
        lateral (
            values
            ('as_was', {{ place_chain('place', 'as_was', 'origin.agency_code') | indent(16) }}),
            ('as_is', {{ place_chain('place', 'as_is', 'origin.agency_code') | indent(16) }})
        ) as view (org_view, chain)
    cross join lateral unnest(view.chain) as unit (agency_code)
    where
        exists (
            select 1
            from {{ ref('int_quarantine__case') }}
            where may_count and agency_code is null
        )
    union
    select
        org_view,
        '{{ var("province_code") }}' as agency_code
    from (values ('as_was'), ('as_is')) as view (org_view)
),

could_be_at as (
    select * from known_unit
    union all
    select
        uncertain.case_key,
        any_unit.org_view,
        any_unit.agency_code
    from {{ ref('int_quarantine__case') }} as uncertain
    cross join any_unit
    where uncertain.may_count and uncertain.agency_code is null
),

entering as (
    select
        could_be.case_key,
        could_be.period_id,
        could_be_at.org_view,
        could_be_at.agency_code,
        could_be.metric_code,
        could_be.may_be_for,
        could_be.may_be_against
    from could_be
    inner join could_be_at on could_be.case_key = could_be_at.case_key
),

counted as (
    select
        uncertain.case_key,
        feedback_case.period_id,
        view.org_view,
        unit.agency_code,
        figure.metric_code,
        figure.numerator > 0 as is_for,
        coalesce(figure.denominator > 0 and figure.numerator = 0, false) as is_against,
        figure.metric_code = 'feedback_satisfaction_rate'
        and coalesce(uncertain.complained_again_first <= period.period_to, false) as may_be_complained_about,
        figure.metric_code = 'feedback_satisfaction_rate'
        and uncertain.may_be_content
        and feedback_case.handled_overdue + feedback_case.in_progress_overdue = 0 as may_be_content
    from {{ ref('int_quarantine__case') }} as uncertain
    inner join feedback_case on uncertain.counted_code = feedback_case.case_code
    inner join {{ ref('int_period__period') }} as period on feedback_case.period_id = period.period_id
    cross join
        lateral (
            values
            {{ feedback_metric_values('feedback_case') | indent(12) }}
        ) as figure (metric_code, numerator, denominator)
    cross join
        lateral (
            values ('as_was', feedback_case.chain_as_was), ('as_is', feedback_case.chain_as_is)
        ) as view (org_view, chain)
    cross join lateral unnest(view.chain) as unit (agency_code)
    where
        (figure.numerator > 0 or figure.denominator > 0)
        and (
            uncertain.has_own_row
            -- Another one complains about it, or does not any more: where that is something else than what it is.
            or (
                figure.metric_code = 'feedback_satisfaction_rate'
                and case
                    when figure.numerator > 0 then uncertain.complained_again_first <= period.period_to
                    else
                        uncertain.may_be_content
                        and feedback_case.handled_overdue + feedback_case.in_progress_overdue = 0
                end
            )
        )
),

moved as (
    select
        period_id,
        org_view,
        agency_code,
        metric_code,
        count(*) filter (where entering.may_be_for or counted.is_for or counted.may_be_content) as could_be_for,
        count(*) filter (where counted.is_for) as is_for,
        count(*) filter (where entering.may_be_against or counted.is_against or counted.may_be_complained_about)
            as could_be_against,
        count(*) filter (where counted.is_against) as is_against,
        count(*) as dossiers
    from entering
    full join counted using (case_key, period_id, org_view, agency_code, metric_code)
    group by period_id, org_view, agency_code, metric_code
)

select
    moved.period_id,
    moved.org_view,
    moved.agency_code,
    '*' as field_code,
    moved.metric_code,
    coalesce(figure.numerator, 0) as numerator,
    case
        when moved.metric_code like '%\_rate' or moved.metric_code like '%\_share'
            then coalesce(figure.denominator, 0)
    end as denominator,
    cast(moved.could_be_for as int) as could_be_for,
    cast(moved.is_for as int) as is_for,
    cast(moved.could_be_against as int) as could_be_against,
    cast(moved.is_against as int) as is_against,
    cast(moved.dossiers as int) as dossiers
from moved
left join {{ ref('int_metric__feedback_figure') }} as figure
    on
        moved.period_id = figure.period_id
        and moved.org_view = figure.org_view
        and moved.agency_code = figure.agency_code
        and moved.metric_code = figure.metric_code
