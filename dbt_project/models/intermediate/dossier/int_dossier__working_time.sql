{{ config(
    materialized='incremental',
    pre_hook="{{ forget_changed('dossier_code') }}",
    indexes=[{'columns': ['dossier_code'], 'unique': true}],
) }}

-- Working days and seconds of the dossiers that count. Suspended are the working days d with
-- NgayBoSung < d <= NgayTiepNhanBoSung, each once however many supplements hold it, within the dossier's own days:
-- after its receipt, and up to its end (while it is in progress, up to the build's day). Suspension by status takes
-- none out.
with

dossier as (
    select
        counted.dossier_code,
        counted.submitted_at,
        counted.received_at,
        cast(counted.submitted_at as date) as submitted_on,
        counted.received_on,
        counted.finished_on,
        coalesce(counted.finished_on, moment.known_on) as last_on,
        counted.stopped_during
    from {{ ref('int_dossier__counted') }} as counted
    cross join {{ ref('int_build__moment') }} as moment
    {%- if follows_change() %}
        where counted.dossier_code = {{ changed_codes() }}
    {%- endif %}
),

-- One row per span without a supplement's overlap: a multirange is the union of its ranges.
stop as (
    select
        dossier.dossier_code,
        greatest(lower(span), dossier.received_on) as stopped_on,
        least(coalesce(upper(span), 'infinity'), dossier.last_on) as resumed_on
    from dossier
    cross join lateral unnest(dossier.stopped_during) as span
    where dossier.stopped_during is not null
),

suspended as (
    select
        stop.dossier_code,
        sum(
            {{ working_day_number('resumed', 'stop.resumed_on') }}
            - {{ working_day_number('stopped', 'stop.stopped_on') }}
        ) as working_days
    from stop
    left join {{ ref('int_time__day') }} as stopped on stop.stopped_on = stopped.day
    left join {{ ref('int_time__day') }} as resumed on stop.resumed_on = resumed.day
    where stop.stopped_on < stop.resumed_on
    group by stop.dossier_code
),

timed as (
    select
        dossier.dossier_code,
        cast(coalesce(suspended.working_days, 0) as int) as suspended_working_days,
        case
            when dossier.finished_on is not null
                then
                    {{ working_day_number('finished', 'dossier.finished_on') }}
                    - {{ working_day_number('received', 'dossier.received_on') }}
        end as working_days,
        -- Received before it was submitted: at once.
        case
            when dossier.submitted_at is not null
                then
                    greatest(
                        {{ working_seconds_until('received', 'dossier.received_at') | indent(24) }}
                        - {{ working_seconds_until('submitted', 'dossier.submitted_at') | indent(24) }},
                        0
                    )
        end as intake_working_seconds,
        coalesce(received.is_official, false)
        and (dossier.finished_on is null or coalesce(finished.is_official, false)) as is_official,
        coalesce(received.is_official, false)
        and (dossier.submitted_on is null or coalesce(submitted.is_official, false)) as is_intake_official
    from dossier
    left join {{ ref('int_time__day') }} as submitted on dossier.submitted_on = submitted.day
    left join {{ ref('int_time__day') }} as received on dossier.received_on = received.day
    left join {{ ref('int_time__day') }} as finished on dossier.finished_on = finished.day
    left join suspended on dossier.dossier_code = suspended.dossier_code
)

select
    dossier_code,
    suspended_working_days,
    working_days - suspended_working_days as processing_working_days,
    cast(intake_working_seconds as bigint) as intake_working_seconds,
    is_official,
    is_intake_official
from timed
