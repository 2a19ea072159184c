{%- set codes = 'int_reconciliation__changed' -%}
{{ config(
    materialized='incremental',
    pre_hook=["{{ join_by_hash() }}", "{{ forget_changed('dossier_group', 'int_reconciliation__changed') }}"],
) }}

-- Of the dossiers on the portal that differ: since when each side says what it says now (the first version of the
-- unbroken run with the values compared), and the newest earlier version here that said what the portal still says.
with

pair as (
    select *
    from {{ ref('int_reconciliation__pair') }}
    where
        there_code is not null and result <> 'matched'
        {%- if follows_change() %}
            and dossier_group = {{ changed_codes(codes) }}
        {%- endif %}
),

copy as (
    select
        pair.dossier_group,
        side.is_portal,
        side.source_id,
        side.dossier_code
    from pair
    cross join
        lateral (
            values
            (false, pair.here_source_id, pair.here_code),
            (true, pair.there_source_id, pair.there_code)
        ) as side (is_portal, source_id, dossier_code)
    where side.dossier_code is not null
),

-- What is current is what the pair compares; only what was before it must be looked at.
version as (
    select
        copy.dossier_group,
        copy.is_portal,
        delivered.updated_at,
        case
            when delivered.is_current then true
            when copy.is_portal then {{ delivered_values() | indent(12) }} = {{ compared_values('there') | indent(12) }}
            else {{ delivered_values() | indent(12) }} = {{ compared_values('here') | indent(12) }}
        end as is_unchanged,
        case
            when delivered.is_current
                then {{ compared_values('here') | indent(12) }} = {{ compared_values('there') | indent(12) }}
            else {{ delivered_values() | indent(12) }} = {{ compared_values('there') | indent(12) }}
        end as is_as_there
    from copy
    inner join {{ ref('int_dossier__version') }} as delivered
        on
            copy.source_id = delivered.source_id
            and copy.dossier_code = delivered.dossier_code
            and not delivered.is_deleted
            {%- if follows_change() %}
                and delivered.dossier_code = {{ changed_codes(codes) }}
            {%- endif %}
    inner join pair on copy.dossier_group = pair.dossier_group
),

run as (
    select
        *,
        max(case when not is_unchanged then updated_at end) over (
            partition by dossier_group, is_portal
        ) as last_other_at
    from version
)

select
    dossier_group,
    min(updated_at) filter (
        where not is_portal and (last_other_at is null or updated_at > last_other_at)
    ) as here_since,
    min(updated_at) filter (where is_portal and (last_other_at is null or updated_at > last_other_at)) as there_since,
    max(updated_at) filter (where not is_portal and is_as_there) as here_said_so_at
from run
group by dossier_group
