{{ config(indexes=[{'columns': ['dossier_code'], 'unique': true}]) }}

-- The codes whose differences this build explains anew: those of int_reconciliation__changed; those of which a row went
-- into quarantine or came out; those that waited for a delivery that came; of all, where a side has not come as far as
-- before, or another export of the portal is in force; where units changed, those of which the unit decides; and what
-- could be the same dossier as one of these. That days pass changes no cause. In a whole build there is nothing to say.
{% if not follows_change() %}
    select cast(null as text) as dossier_code
    where false
{% else %}
    {%- set before = as_built_before('int_reconciliation__cause') %}
    with

    side as (
        select
            coalesce(bool_or(is_earlier or (kind = 'export' and is_moved)), false) as has_turned,
            coalesce(bool_or(kind = 'places' and is_moved), false) as has_other_places
        from {{ ref('int_reconciliation__reached') }}
    ),

    asked as (
        select changed.dossier_code
        from {{ ref('int_reconciliation__changed') }} as changed
        union
        select rejected.dossier_group as dossier_code
        from {{ ref('int_reconciliation__rejected') }} as rejected
        where rejected.is_changed
        union
        select cause.dossier_group as dossier_code
        from {{ before }} as cause
        cross join side
        left join {{ ref('int_reconciliation__reached') }} as reached
            on
                cause.awaited_kind = reached.kind
                and cause.awaited_code = reached.code
                and cause.awaited_at <= reached.reached_at
        where
            reached.kind is not null
            or side.has_turned
            or (side.has_other_places and (cause.result = 'unit_conflict' or cause.twin_key is not null))
    ),

    -- Twins as they were and as they are.
    twin as (
        select cause.twin_key
        from {{ before }} as cause
        inner join asked on cause.dossier_group = asked.dossier_code
        where cause.twin_key is not null
        union
        select {{ twin_key('pair', 'here_place', 'there_place') | indent(8) }} as twin_key
        from {{ ref('int_reconciliation__pair') }} as pair
        left join {{ ref('int_agency__place') }} as here_place on pair.here_place_id = here_place.place_id
        left join {{ ref('int_agency__place') }} as there_place on pair.there_place_id = there_place.place_id
        where pair.dossier_group = any(array(select asked.dossier_code from asked))
    )

    select asked.dossier_code
    from asked
    union
    select cause.dossier_group as dossier_code
    from {{ before }} as cause
    inner join twin on cause.twin_key = twin.twin_key
{% endif %}
