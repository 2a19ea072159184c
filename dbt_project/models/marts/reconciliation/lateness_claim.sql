{{ config(
    materialized='incremental',
    on_schema_change='fail',
    pre_hook="{{ forget_changed('dossier_code', 'int_reconciliation__judged') }}",
    indexes=[{'columns': ['dossier_code', 'claimant'], 'unique': true}, {'columns': ['agency_code']}],
) }}

-- Lateness recomputed three ways, beside the figure that is published (the rule: `due`). A row stands for a dossier
-- that the rule and another claimant judge differently:
--   system     the one-stop system's own NgayHenTra as shown, which apologies move
--   portal     what the portal shows: its appointment and its end
--   catalogue  the time limit of the procedure: processing_days from the receipt, working or calendar, clock stops out
-- In progress is judged on the build's day, and is late for nobody while it is suspended. Withdrawn (7) is never late.
-- What grows with the days of one in progress is not told here (lateness_disagreement has it).
with

dossier as (
    select
        counted.dossier_code,
        counted.source_id,
        counted.is_portal,
        counted.procedure_code,
        counted.agency_code,
        counted.place_id,
        counted.status,
        counted.received_on,
        counted.finished_on,
        coalesce(counted.finished_on, moment.known_on) as judged_on,
        counted.first_appointment_on,
        case when not counted.is_portal then counted.shown_appointment_on end as system_appointment_on,
        counted.due_on,
        counted.finished_on is null
        and coalesce(counted.suspended_during @> moment.known_on, false) as is_suspended,
        cast(ceil(entry.processing_days) as int) as processing_days,
        entry.day_kind,
        timed.suspended_working_days,
        -- calendar days on which supplements stopped the clock, each once, up to the end
        coalesce((
            select
                sum(
                    least(coalesce(upper(span), 'infinity'), coalesce(counted.finished_on, moment.known_on))
                    - greatest(lower(span), counted.received_on)
                )
            from unnest(counted.stopped_during) as span
            where
                least(coalesce(upper(span), 'infinity'), coalesce(counted.finished_on, moment.known_on))
                > greatest(lower(span), counted.received_on)
        ), 0) as suspended_days,
        pair.there_code,
        pair.there_status,
        pair.there_appointment_on,
        pair.there_finished_on,
        coalesce(pair.there_finished_on, moment.known_on) as portal_judged_on
    from {{ ref('int_dossier__counted') }} as counted
    cross join {{ ref('int_build__moment') }} as moment
    left join {{ ref('int_procedure__span') }} as entry
        on
            counted.procedure_code = entry.procedure_code
            and counted.received_on between entry.used_from and entry.used_to
    left join {{ ref('int_dossier__working_time') }} as timed on counted.dossier_code = timed.dossier_code
    left join {{ ref('int_reconciliation__pair') }} as pair on counted.dossier_group = pair.dossier_group
    {%- if follows_change() %}
        inner join {{ ref('int_reconciliation__judged') }} as judged on counted.dossier_code = judged.dossier_code
    {%- endif %}
    where counted.status <> 7
),

-- The day on which the catalogue's limit ends. A limit in calendar days that ends on a day off ends on the next working
-- day (Civil Code 2015, Art. 148).
counted_out as (
    select
        dossier.*,
        case
            when dossier.day_kind = 'working'
                then
                    {{ working_day_number('received', 'dossier.received_on') }}
                    + dossier.processing_days + dossier.suspended_working_days
            when dossier.day_kind = 'calendar'
                then
                    {{ working_day_number(
                        'ends', '(dossier.received_on + dossier.processing_days + cast(dossier.suspended_days as int))'
                    ) }}
                    + case when ends.is_working then 0 else 1 end
        end as limit_number
    from dossier
    left join {{ ref('int_time__day') }} as received on dossier.received_on = received.day
    left join {{ ref('int_time__day') }} as ends
        on dossier.received_on + dossier.processing_days + cast(dossier.suspended_days as int) = ends.day
),

judged as (
    select
        counted_out.*,
        -- a limit of no days ends on the day of receipt
        case when working.day is not null then greatest(working.day, counted_out.received_on) end as limit_on,
        coalesce(not counted_out.is_suspended and counted_out.judged_on > counted_out.due_on, false) as is_late
    from counted_out
    left join {{ ref('int_time__day') }} as working
        on counted_out.limit_number = working.working_day_number and working.is_working
),

claimed as (
    select
        judged.*,
        claim.claimant,
        claim.appointment_on,
        claim.finished_on as claimed_finished_on,
        claim.is_late as is_claimed_late
    from judged
    cross join
        lateral (
            values
            (
                'system', judged.system_appointment_on, judged.finished_on,
                coalesce(not judged.is_suspended and judged.judged_on > judged.system_appointment_on, false),
                not judged.is_portal
            ),
            (
                'portal', judged.there_appointment_on, judged.there_finished_on,
                judged.there_status not in (5, 6, 7, 8)
                and coalesce(judged.portal_judged_on > judged.there_appointment_on, false),
                judged.there_status not in (1, 3)
            ),
            (
                'catalogue', judged.limit_on, judged.finished_on,
                not judged.is_suspended and judged.judged_on > judged.limit_on,
                judged.limit_on is not null
            )
        ) as claim (claimant, appointment_on, finished_on, is_late, has_claim)
    where claim.has_claim
)

select
    dossier_code,
    claimant,
    case when is_late then 'on_time' else 'late' end as claim,
    is_late as is_contestable,
    source_id,
    procedure_code,
    agency_code,
    place_id,
    status,
    received_on,
    finished_on,
    due_on,
    appointment_on as claimed_due_on,
    claimed_finished_on,
    first_appointment_on,
    there_status as portal_status,
    processing_days,
    day_kind,
    suspended_working_days,
    cast(suspended_days as int) as suspended_days
from claimed
where is_late <> is_claimed_late
