{{ config(materialized='view') }}

-- Units and days among the last of a quarter, statutory or calendar, on which far more dossiers than usual changed:
-- were finished (7, 9, 10) or began to wait (5, 6, 8). Usual is the unit's mean of its other days with changes.
with

hourly as (
    select
        agency_code,
        cast(hour as date) as day,
        changes,
        finished
    from {{ ref('int_question__unit_hour') }}
),

daily as (
    select
        agency_code,
        day,
        sum(changes) as changes,
        sum(finished) as finished,
        max(changes) as in_one_hour,
        {{ month_index('day', "'calendar'") | indent(8) }} as calendar_month,
        {{ month_index('day', "'statutory'") | indent(8) }} as statutory_month
    from hourly
    group by agency_code, day
),

placed as (
    select
        *,
        (
            calendar_month % 3 = 2
            and {{ month_last_day('calendar_month', "'calendar'") }} - day < {{ var("question_quarter_days") }}
        )
        or (
            statutory_month % 3 = 2
            and {{ month_last_day('statutory_month', "'statutory'") }} - day < {{ var("question_quarter_days") }}
        ) as is_quarters_end
    from daily
),

usual as (
    select
        *,
        avg(changes) filter (where not is_quarters_end) over (partition by agency_code) as usual_changes,
        count(*) filter (where not is_quarters_end) over (partition by agency_code) as usual_days
    from placed
)

select
    agency_code,
    day,
    cast(null as text) as dossier_code,
    round(changes / usual_changes, 1) as score,
    jsonb_build_object(
        'changes', changes, 'finished', finished, 'in_one_hour', in_one_hour,
        'usual', round(usual_changes, 1), 'usual_days', usual_days
    ) as evidence
from usual
where
    is_quarters_end
    -- what is usual must be known
    and usual_days >= 10
    and changes >= {{ var("question_mass_count") }}
    and changes >= {{ var("question_mass_factor") }} * usual_changes
