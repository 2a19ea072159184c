{{ config(materialized='view') }}

-- Units and days with far more ratings within minutes than the unit has in a usual day with ratings. The portal's
-- ratings: of those in the one-stop systems the day is kept, not the slip.
with

rating as (
    select
        counted.agency_code,
        slip.rated_at,
        cast(slip.rated_at as date) as day,
        slip.score,
        count(*) over (
            partition by counted.agency_code
            order by slip.rated_at
            range between interval '{{ var("question_burst_minutes") }} minutes' preceding and current row
        ) as within
    from {{ ref('int_portal__rating') }} as slip
    inner join {{ ref('int_dossier__counted') }} as counted on slip.dossier_group = counted.dossier_group
    where slip.rated_at is not null
),

daily as (
    select
        agency_code,
        day,
        count(*) as ratings,
        max(within) as within,
        mode() within group (order by score) as usual_score,
        max(rated_at) as last_at
    from rating
    group by agency_code, day
),

scored as (
    select
        daily.agency_code,
        daily.day,
        daily.ratings,
        daily.within,
        daily.usual_score,
        count(*) filter (where rating.score = daily.usual_score) as with_usual_score
    from daily
    inner join rating on daily.agency_code = rating.agency_code and daily.day = rating.day
    group by daily.agency_code, daily.day, daily.ratings, daily.within, daily.usual_score
),

usual as (
    select
        *,
        -- the unit's other days
        (sum(ratings) over life - ratings) / nullif(count(*) over life - 1, 0) as usual_ratings,
        count(*) over life - 1 as usual_days
    from scored
    window life as (partition by agency_code)
)

select
    agency_code,
    day,
    cast(null as text) as dossier_code,
    round(within / usual_ratings, 1) as score,
    jsonb_build_object(
        'ratings', ratings, 'within_minutes', within, 'usual', round(usual_ratings, 1), 'usual_days', usual_days,
        'commonest_score', usual_score, 'share_of_it', round(with_usual_score / cast(ratings as numeric), 2)
    ) as evidence
from usual
where
    usual_days >= 5
    and within >= {{ var("question_burst_count") }}
    and within >= {{ var("question_burst_factor") }} * usual_ratings
