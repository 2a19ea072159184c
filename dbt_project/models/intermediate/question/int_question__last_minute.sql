{{ config(materialized='view') }}

-- Units and calendar quarters in which far more dossiers than elsewhere were finished at the end of the due date:
-- within the last minutes of the office day (17:00), or after it. Standing out means: in number, in share against the
-- other units, and beyond chance (four standard deviations of the others' share). The others are those that do not
-- stand out themselves: a few units with very many would else hide one with many.
with

resolved as (
    select
        agency_code,
        {{ month_index('finished_on', "'calendar'") }} / 3 as quarter,
        finished_on = due_on
        and cast(finished_at as time) >= time '17:00' - interval '{{ var("question_last_minutes") }} minutes'
            as is_last,
        cast(finished_at as time) >= time '17:00' as is_after_hours,
        finished_on,
        dossier_code
    from {{ ref('int_dossier__counted') }}
    where finished_on is not null and due_on is not null and status <> 7
),

unit as (
    select
        agency_code,
        quarter,
        max(finished_on) as day,
        count(*) as resolved,
        count(*) filter (where is_last) as last_minute,
        count(*) filter (where is_last and is_after_hours) as after_hours,
        (array_agg(dossier_code order by dossier_code) filter (where is_last))[1:20] as examples
    from resolved
    group by agency_code, quarter
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
        examples,
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
)

select
    agency_code,
    day,
    cast(null as text) as dossier_code,
    round(share / share_elsewhere, 1) as score,
    jsonb_build_object(
        'resolved', resolved, 'last_minute', last_minute, 'after_hours', after_hours,
        'share', round(share, 4), 'share_elsewhere', round(share_elsewhere, 4), 'examples', to_jsonb(examples)
    ) as evidence
from shared
where
    last_minute >= {{ var("question_last_minute_count") }}
    and {{ last_minutes_stand_out() }}
