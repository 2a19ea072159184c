-- The feedback cases that open rejected rows leave uncertain; several rows of one case are one, its latest row speaks.
-- Also the cases that such a row complains about again: they move satisfaction alone.
with

speaking as (
    select distinct on (coalesce(rejected.record_code, 'row ' || rejected.rejected_id))
        coalesce(rejected.record_code, 'row ' || rejected.rejected_id) as case_key,
        rejected.*,
        current_case.case_code as counted_code,
        current_case.first_case_code as first_code_now,
        least(cast(rejected.updated_at as date), moment.known_on) as last_on
    from {{ ref('int_quarantine__open') }} as rejected
    cross join {{ ref('int_build__moment') }} as moment
    left join {{ ref('int_feedback__case') }} as current_case on rejected.record_code = current_case.case_code
    where
        rejected.entity = 'feedback_case'
        and coalesce(rejected.updated_at >= current_case.updated_at, true)
    order by
        coalesce(rejected.record_code, 'row ' || rejected.rejected_id) asc,
        rejected.updated_at desc nulls first,
        rejected.rejected_id desc
),

complained_about as (
    select
        speaking.first_case_code as case_key,
        coalesce(speaking.received_on, '-infinity') as received_first,
        false as is_now
    from speaking
    where speaking.first_case_code <> speaking.case_key
    union all
    -- It does now, through the version that counts: perhaps it does not.
    select
        first_code_now as case_key,
        null as received_first,
        true as is_now
    from speaking
    where first_code_now <> case_key
),

case_key as (
    select case_key from speaking
    union
    select case_key from complained_about
)

select
    case_key.case_key,
    speaking.source_id,
    coalesce(speaking.counted_code, case_key.case_key) as counted_code,
    speaking.case_key is not null as has_own_row,
    coalesce(not speaking.is_out_of_count, false) as may_count,
    case when not speaking.is_agency_accused then coalesce(speaking.agency_code, '{{ var("province_code") }}') end
        as agency_code,
    coalesce(speaking.received_on, '-infinity') as received_first,
    coalesce(speaking.received_on, least(speaking.ended_on, speaking.last_on)) as received_last,
    not coalesce(speaking.is_without_answer, false) as may_be_finished,
    speaking.ended_on is null as may_be_open,
    coalesce(speaking.ended_on, speaking.received_on, '-infinity') as finished_first,
    coalesce(speaking.ended_on, speaking.last_on) as finished_last,
    coalesce(speaking.is_dissatisfied, false) as is_dissatisfied,
    coalesce(speaking.content_kind = 1, not speaking.is_without_content_kind, false) as may_be_about_behaviour,
    coalesce(speaking.content_kind <> 1, not speaking.is_without_content_kind, false) as may_be_about_else,
    (
        select min(complained_about.received_first)
        from complained_about
        where complained_about.case_key = case_key.case_key
    ) as complained_again_first,
    case_key.case_key in (
        select spoken.case_key
        from complained_about as spoken
        where spoken.is_now
    ) as may_be_content
from case_key
left join speaking on case_key.case_key = speaking.case_key
