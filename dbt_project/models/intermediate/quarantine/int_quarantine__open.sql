-- The rows that lie open in quarantine at the build's moment; a unit that no reference file has is none.
with

decided as (
    select distinct on (event.rejected_id)
        event.rejected_id,
        event.status_after
    from {{ ref('stg_quarantine__event') }} as event
    cross join {{ ref('int_build__moment') }} as moment
    where event.happened_at <= moment.known_at
    order by event.rejected_id asc, event.happened_at desc, event.event_id desc
)

select
    rejected.rejected_id,
    rejected.source_id,
    rejected.entity,
    rejected.batch_id,
    rejected.rule_ids,
    rejected.first_seen_at,
    rejected.record_code,
    rejected.other_code,
    rejected.dossier_code,
    rejected.first_case_code,
    rejected.procedure_code,
    rejected.field_code,
    rejected.agency_code,
    rejected.is_agency_accused,
    rejected.updated_at,
    rejected.received_on,
    rejected.ended_on,
    rejected.status,
    rejected.channel,
    rejected.may_be_paid_online,
    rejected.score,
    rejected.content_kind,
    rejected.is_without_content_kind,
    rejected.is_out_of_count,
    rejected.is_without_answer,
    rejected.is_dissatisfied,
    rejected.is_test,
    rejected.is_deleted,
    unit.agency_code as responsible_agency_code,
    moment.known_on - cast(rejected.first_seen_at at time zone '{{ var("timezone") }}' as date) as days_open
from {{ ref('stg_quarantine__row') }} as rejected
cross join {{ ref('int_build__moment') }} as moment
left join decided on rejected.rejected_id = decided.rejected_id
left join (
    select distinct agency_code
    from {{ ref('int_agency__span') }}
) as unit on rejected.shown_agency_code = unit.agency_code
where rejected.first_seen_at <= moment.known_at and coalesce(decided.status_after, 'open') = 'open'
