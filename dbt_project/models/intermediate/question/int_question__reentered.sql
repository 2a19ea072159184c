{{ config(materialized='view') }}

-- Dossiers that look like one that was closed shortly before: same procedure, unit, channel and applicant (compared by
-- the keyed hash), received within days of its end. Only where the earlier one was withdrawn, or was closed when its
-- due date had come: who closes in good time has no reason to begin again. An applicant who has many dossiers of the
-- procedure there (copies, certificates) is no question.
with

dossier as (
    select
        counted.*,
        delivered.applicant_hash,
        count(*) over (
            partition by
                delivered.applicant_hash, counted.procedure_code, counted.agency_code
        ) as of_applicant
    from {{ ref('int_dossier__counted') }} as counted
    inner join {{ ref('int_dossier__delivered') }} as delivered
        on
            counted.batch_id = delivered.batch_id
            and counted.row_number = delivered.row_number
    where delivered.applicant_hash is not null
),

pair as (
    select distinct on (later.dossier_code)
        later.agency_code,
        later.received_on as day,
        later.dossier_code,
        earlier.dossier_code as earlier_code,
        earlier.status as earlier_status,
        earlier.finished_on as earlier_finished_on,
        earlier.due_on as earlier_due_on,
        later.received_at - earlier.finished_at as gap
    from dossier as earlier
    inner join dossier as later
        on
            earlier.applicant_hash = later.applicant_hash
            and earlier.procedure_code = later.procedure_code
            and earlier.agency_code = later.agency_code
            and earlier.channel = later.channel
            and earlier.dossier_code <> later.dossier_code
    where
        earlier.of_applicant between 2 and {{ var("question_reentry_usual") }}
        and later.received_at >= earlier.finished_at
        and later.received_at < earlier.finished_at + interval '{{ var("question_reentry_days") }} days'
        and (earlier.status = 7 or earlier.finished_on >= earlier.due_on - 1)
    order by later.dossier_code asc, earlier.finished_at desc, earlier.dossier_code asc
)

select
    agency_code,
    day,
    dossier_code,
    -- at once is 10, at the end of the time allowed 0
    round(
        cast(10 * (1 - extract(epoch from gap) / (86400 * {{ var("question_reentry_days") }})) as numeric), 1
    ) as score,
    jsonb_build_object(
        'earlier_code', earlier_code, 'earlier_status', earlier_status, 'earlier_finished_on', earlier_finished_on,
        'earlier_due_on', earlier_due_on, 'gap_hours', round(cast(extract(epoch from gap) / 3600 as numeric), 1)
    ) as evidence
from pair
