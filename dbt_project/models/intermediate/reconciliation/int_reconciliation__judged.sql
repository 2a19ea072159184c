{{ config(indexes=[{'columns': ['dossier_code'], 'unique': true}]) }}

-- The dossiers whose lateness this build judges anew: those that it makes anew; those in progress, here or on the
-- portal, whose due date, appointment or limit went by since the build before (of the limit a little more than these:
-- rather one too many than one not judged). In a whole build there is nothing to say.
{% if not follows_change() %}
    select cast(null as text) as dossier_code
    where false
{% else %}
    with

    -- The days on whose end the build before did not look yet.
    passed as (
        select
            daterange(moment.previous_known_on, moment.known_on) as days,
            -- a limit in calendar days that ends on a holiday ends after it
            daterange(moment.previous_known_on - 30, moment.known_on) as days_before_holidays,
            {{ working_day_number('first_day', 'moment.previous_known_on') }} as first_number,
            {{ working_day_number('last_day', 'moment.known_on') }} as last_number
        from {{ ref('int_build__moment') }} as moment
        left join {{ ref('int_time__day') }} as first_day on moment.previous_known_on = first_day.day
        left join {{ ref('int_time__day') }} as last_day on moment.known_on = last_day.day
    )

    select changed.dossier_code
    from {{ ref('int_dossier__changed') }} as changed
    union
    select counted.dossier_code
    from {{ ref('int_dossier__counted') }} as counted
    cross join passed
    left join {{ ref('int_procedure__span') }} as entry
        on
            counted.procedure_code = entry.procedure_code
            and counted.received_on between entry.used_from and entry.used_to
    left join {{ ref('int_time__day') }} as received on counted.received_on = received.day
    where
        counted.finished_on is null
        and (
            counted.due_on <@ passed.days
            or counted.shown_appointment_on <@ passed.days
            or (
                entry.processing_days is not null
                and (
                    counted.stopped_during is not null
                    or case entry.day_kind
                        when 'working'
                            then
                                {{ working_day_number('received', 'counted.received_on') }}
                                + cast(ceil(entry.processing_days) as int)
                                between passed.first_number and passed.last_number
                        when 'calendar'
                            then
                                counted.received_on + cast(ceil(entry.processing_days) as int)
                                <@ passed.days_before_holidays
                    end
                )
            )
        )
    union
    select counted.dossier_code
    from {{ ref('int_reconciliation__pair') }} as pair
    cross join passed
    inner join {{ ref('int_dossier__counted') }} as counted on pair.dossier_group = counted.dossier_group
    where
        pair.there_code is not null
        and pair.there_finished_on is null
        and pair.there_appointment_on <@ passed.days
{% endif %}
