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

-- What is current is what the pair compares; only what was before it must be looked at.
earlier as (
    select
        pair.dossier_group,
        side.is_portal,
        delivered.updated_at,
        {{ delivered_values() | indent(8) }} = case
            when side.is_portal then {{ compared_values('there') | indent(12) }}
            else {{ compared_values('here') | indent(12) }}
        end as is_unchanged,
        {{ delivered_values() | indent(8) }} = {{ compared_values('there') | indent(8) }} as is_as_there
    from pair
    cross join
        lateral (
            values
            (false, pair.here_source_id, pair.here_code),
            (true, pair.there_source_id, pair.there_code)
        ) as side (is_portal, source_id, dossier_code)
    inner join {{ ref('int_dossier__version') }} as delivered
        on
            side.source_id = delivered.source_id
            and side.dossier_code = delivered.dossier_code
            and not delivered.is_current
            and not delivered.is_deleted
            {%- if follows_change() %}
                and delivered.dossier_code = {{ changed_codes(codes) }}
            {%- endif %}
),

run as (
    select
        *,
        max(case when not is_unchanged then updated_at end) over (
            partition by dossier_group, is_portal
        ) as last_other_at
    from earlier
),

told as (
    select
        dossier_group,
        min(updated_at) filter (
            where not is_portal and (last_other_at is null or updated_at > last_other_at)
        ) as here_since,
        min(updated_at) filter (
            where is_portal and (last_other_at is null or updated_at > last_other_at)
        ) as there_since,
        max(updated_at) filter (where not is_portal and is_as_there) as here_said_so_at
    from run
    group by dossier_group
)

select
    pair.dossier_group,
    coalesce(told.here_since, pair.here_updated_at) as here_since,
    coalesce(told.there_since, pair.there_updated_at) as there_since,
    case
        when {{ compared_values('here') | indent(8) }} = {{ compared_values('there') | indent(8) }}
            then pair.here_updated_at
        else told.here_said_so_at
    end as here_said_so_at
from pair
left join told on pair.dossier_group = told.dossier_group
