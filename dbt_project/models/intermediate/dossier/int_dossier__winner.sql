{{ config(
    materialized='incremental',
    pre_hook="{{ forget_changed('dossier_group') }}",
    indexes=[{'columns': ['dossier_group'], 'unique': true}],
) }}

-- One row per dossier: the copy that speaks for it. A source's copy is its current version, unless that is a delete.
-- Any one-stop copy wins over the portal's; the portal speaks only for dossiers of which no one-stop system ever had a
-- copy: one that was deleted there is out, whatever the portal shows.
-- Among one-stop copies the latest NgayCapNhat wins, then the source listed first, then the later in the delivery;
-- among the portal's the later file, whatever the source, then the later row.
-- A source that is no longer in province.yml speaks only for dossiers of which no listed source of its kind (one-stop,
-- portal) ever had a copy: under its new name, or from its successor, a dossier that was deleted there would otherwise
-- rise again.
-- A dossier of which no copy is left has no row.
with

copy as (
    select
        version.*,
        coalesce(link.dossier_group, version.dossier_code) as dossier_group,
        case when not version.is_portal then origin.source_position end as source_position,
        coalesce(origin.is_listed, false) as is_listed,
        bool_or(version.is_portal) over dossier as known_to_portal,
        bool_or(not version.is_portal) over dossier as has_one_stop_copy,
        bool_or(coalesce(origin.is_listed, false) and not version.is_portal) over dossier as has_listed_one_stop_copy,
        bool_or(coalesce(origin.is_listed, false) and version.is_portal) over dossier as has_listed_portal_copy
    from {{ ref('int_dossier__version') }} as version
    left join {{ ref('int_dossier__link') }} as link on version.dossier_code = link.dossier_code
    left join {{ ref('stg_platform__source') }} as origin on version.source_id = origin.source_id
    where
        version.is_current
        {%- if follows_change() %}
            and version.dossier_code = {{ changed_codes() }}
        {%- endif %}
    window dossier as (partition by coalesce(link.dossier_group, version.dossier_code))
)

select distinct on (dossier_group)
    dossier_group,
    source_id,
    dossier_code,
    batch_id,
    row_number,
    updated_at,
    earliest_shown_appointment_at,
    status_since,
    is_portal,
    known_to_portal
from copy
where
    not is_deleted
    and case
        when is_portal then not has_one_stop_copy and (is_listed or not has_listed_portal_copy)
        else is_listed or not has_listed_one_stop_copy
    end
order by
    dossier_group asc,
    updated_at desc,
    source_position asc,
    delivery_order desc,
    row_number desc
{%- if follows_change() %}
-- After {{ ref('int_question__left') }} has taken over since when they had their status.
{%- endif %}
