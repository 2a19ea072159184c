{{ config(
    materialized='incremental',
    pre_hook="{{ forget_changed('dossier_code') }}",
    indexes=[{'columns': ['dossier_code']}, {'columns': ['dossier_group']}],
) }}

-- The portal's ratings: one row per rating slip, as the latest of the files in force shows it. is_latest marks the one
-- that speaks for its dossier under any of its codes: the one given last. A portal that is no longer in province.yml
-- speaks only where no other one does.
with

slip as (
    select distinct on (rating.rating_code)
        rating.rating_code,
        rating.source_id,
        rating.file_id,
        rating.row_number,
        rating.dossier_code,
        rating.score,
        rating.rated_at,
        file.delivery_order
    from {{ ref('stg_portal__rating') }} as rating
    inner join {{ ref('int_portal__file') }} as file on rating.file_id = file.file_id and file.is_current
    -- A row that came back from quarantine is known from then on.
    inner join {{ ref('int_build__moment') }} as moment on coalesce(rating.replayed_at <= moment.known_at, true)
    left join {{ ref('stg_platform__source') }} as origin on rating.source_id = origin.source_id
    {%- if follows_change() %}
    -- all rows of these slips: another one may speak than the one that names the changed code
        where
            rating.rating_code = any(array(
                select named.rating_code
                from {{ ref('stg_portal__rating') }} as named
                where named.dossier_code = {{ changed_codes() }}
            ))
    {%- endif %}
    order by
        rating.rating_code asc,
        coalesce(origin.is_listed, false) desc,
        file.delivery_order desc,
        rating.row_number desc
)

select
    slip.rating_code,
    slip.source_id,
    slip.file_id,
    slip.row_number,
    slip.dossier_code,
    coalesce(link.dossier_group, slip.dossier_code) as dossier_group,
    slip.score,
    slip.rated_at,
    row_number() over (
        partition by coalesce(link.dossier_group, slip.dossier_code)
        order by slip.rated_at desc nulls last, slip.delivery_order desc, slip.row_number desc
    ) = 1 as is_latest
from slip
left join {{ ref('int_dossier__link') }} as link on slip.dossier_code = link.dossier_code
{%- if follows_change() %}
    where slip.dossier_code = {{ changed_codes() }}
{%- endif %}
