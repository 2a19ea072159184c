-- One row per case: the current version of those known at the build's moment, with its dates. The latest NgayCapNhat
-- counts, then the source listed first, then the later in the delivery; a source that is no longer in province.yml
-- speaks only for cases that no listed source has. All comparisons are of dates.
with

current_version as (
    select distinct on (version.case_code) version.*
    from {{ ref('stg_feedback__case') }} as version
    cross join {{ ref('int_build__moment') }} as moment
    left join {{ ref('stg_platform__source') }} as origin on version.source_id = origin.source_id
    where version.known_at <= moment.known_at
    order by
        version.case_code asc,
        coalesce(origin.is_listed, false) desc,
        version.updated_at desc,
        origin.source_position asc,
        version.delivery_order desc,
        version.row_number desc
),

second_case as (
    select
        first_case_code,
        min(received_at) as received_at
    from current_version
    where first_case_code <> case_code
    group by first_case_code
)

select
    feedback.case_code,
    feedback.source_id,
    feedback.first_case_code,
    feedback.channel,
    feedback.procedure_code,
    -- A case without a unit yet is the province's.
    coalesce(feedback.agency_code, '{{ var("province_code") }}') as agency_code,
    feedback.content_kind,
    feedback.is_competent,
    feedback.status,
    feedback.satisfaction,
    coalesce(feedback.is_competent, true) and feedback.status <> 'tu_choi' as is_counted,
    cast(feedback.received_at as date) as received_on,
    cast(feedback.answered_at as date) as answered_on,
    -- Circular 02/2017/TT-VPCP: 20 days where no time limit was set.
    coalesce(cast(feedback.due_at as date), cast(feedback.received_at as date) + 20) as due_on,
    cast(feedback.published_at as date) as published_on,
    cast(second_case.received_at as date) as complained_again_on,
    feedback.updated_at,
    feedback.batch_id,
    feedback.row_number
from current_version as feedback
left join second_case on feedback.case_code = second_case.first_case_code
