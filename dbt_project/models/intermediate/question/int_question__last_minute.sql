{{ config(materialized='view') }}

-- Units and calendar quarters in which far more dossiers than elsewhere were finished at the end of the due date:
-- within the last minutes of the office day (17:00), or after it. Standing out means: in number, in share against the
-- other units, and beyond chance (four standard deviations of the others' share). The others are those that do not
-- stand out themselves: a few units with very many would else hide one with many.
with

unit as (
    select
        agency_code,
        {{ month_index('hour', "'calendar'") }} / 3 as quarter,
        cast(max(hour) filter (where resolved > 0) as date) as day,
        sum(resolved) as resolved,
        sum(last_minute) as last_minute,
        sum(after_hours) as after_hours
    from {{ ref('int_question__unit_hour') }}
    group by agency_code, {{ month_index('hour', "'calendar'") }} / 3
    having sum(resolved) > 0
),

-- Against all other units. One more dossier on both sides: a province without any is no province of zero chance.
beside_all as (
    select
        *,
        last_minute / cast(resolved as numeric) as share,
        (sum(last_minute) over everyone - last_minute + 1)
        / cast(sum(resolved) over everyone - resolved + 1 as numeric) as share_elsewhere
    from unit
    window everyone as (partition by quarter)
),

striking as (
    select
        agency_code,
        quarter,
        day,
        resolved,
        last_minute,
        after_hours,
        share,
        {{ last_minutes_stand_out() }} as is_striking
    from beside_all
),

compared as (
    select
        *,
        coalesce(sum(last_minute) filter (where not is_striking) over everyone, 0)
        - case when is_striking then 0 else last_minute end as last_minute_elsewhere,
        coalesce(sum(resolved) filter (where not is_striking) over everyone, 0)
        - case when is_striking then 0 else resolved end as resolved_elsewhere
    from striking
    window everyone as (partition by quarter)
),

shared as (
    select
        *,
        (last_minute_elsewhere + 1) / cast(resolved_elsewhere + 1 as numeric) as share_elsewhere
    from compared
    where resolved_elsewhere > 0
),

asked as (
    select *
    from shared
    where
        last_minute >= {{ var("question_last_minute_count") }}
        and {{ last_minutes_stand_out() | indent(8) }}
),

example as (
    select
        asked.agency_code,
        asked.quarter,
        (array_agg(counted.dossier_code order by counted.dossier_code))[1:20] as codes
    from asked
    inner join {{ ref('int_dossier__counted') }} as counted
        on
            asked.agency_code = counted.agency_code
            and asked.quarter = {{ month_index('counted.finished_on', "'calendar'") }} / 3
    where {{ is_last_minute('counted') | indent }}
    group by asked.agency_code, asked.quarter
)

select
    asked.agency_code,
    asked.day,
    cast(null as text) as dossier_code,
    round(asked.share / asked.share_elsewhere, 1) as score,
    jsonb_build_object(
        'resolved', asked.resolved, 'last_minute', asked.last_minute, 'after_hours', asked.after_hours,
        'share', round(asked.share, 4), 'share_elsewhere', round(asked.share_elsewhere, 4),
        'examples', to_jsonb(example.codes)
    ) as evidence
from asked
inner join example on asked.agency_code = example.agency_code and asked.quarter = example.quarter
