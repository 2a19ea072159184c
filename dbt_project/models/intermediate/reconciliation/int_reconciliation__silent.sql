{%- set codes = 'int_reconciliation__changed' -%}
{{ config(
    materialized='incremental',
    pre_hook=["{{ join_by_hash() }}", "{{ forget_changed('dossier_group', 'int_reconciliation__changed') }}"],
    indexes=[{'columns': ['dossier_group']}],
) }}

-- The current copies that do not speak for their dossier: of one-stop systems, and further rows of the portal. Those
-- without a day of receipt stand in no month.
with

copy as (
    select
        version.*,
        coalesce(link.dossier_group, version.dossier_code) as dossier_group
    from {{ ref('int_dossier__version') }} as version
    left join {{ ref('int_dossier__link') }} as link
        on
            version.dossier_code = link.dossier_code
            {%- if follows_change() %}
                and link.dossier_code = {{ changed_codes(codes) }}
            {%- endif %}
    where
        version.is_current
        and not version.is_deleted
        {%- if follows_change() %}
            and version.dossier_code = {{ changed_codes(codes) }}
        {%- endif %}
)

select
    copy.dossier_group,
    copy.is_portal,
    copy.source_id,
    copy.agency_code,
    place.place_id,
    cast(copy.received_at as date) as received_on,
    cast(case when copy.status in (7, 9, 10) then copy.ended_at end as date) as finished_on,
    case
        when copy.is_portal then 'portal_duplicate'
        when pair.here_code is null then 'silent_copy'
        else 'duplicate_copy'
    end as line
from copy
left join {{ ref('int_reconciliation__pair') }} as pair
    on
        copy.dossier_group = pair.dossier_group
        {%- if follows_change() %}
            and pair.dossier_group = {{ changed_codes(codes) }}
        {%- endif %}
left join {{ ref('int_agency__place') }} as place
    on
        copy.agency_code = place.agency_code
        and cast(copy.received_at as date) between place.received_from and place.received_to
where
    copy.received_at is not null
    and (copy.batch_id, copy.row_number) is distinct from (pair.here_batch_id, pair.here_row_number)
    and (copy.batch_id, copy.row_number) is distinct from (pair.there_batch_id, pair.there_row_number)
{%- if follows_change() %}
-- After {{ ref('int_reconciliation__left') }} has taken over what the bridge counted for them.
{%- endif %}
