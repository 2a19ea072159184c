{{ config(indexes=[{'columns': ['dossier_code'], 'unique': true}]) }}

-- The codes whose pairs this build makes anew: those of int_dossier__changed; after a reorganisation also those of
-- which a unit has another place, or that name two units; all of them where the portal's first export came, or its last
-- one went. In a whole build there is nothing to say.
{% if not follows_change() %}
    select cast(null as text) as dossier_code
    where false
{% else %}
    {%- set before = as_built_before('int_reconciliation__pair') %}
    with

    moved_unit as (
        select distinct place.agency_code
        from {{ ref('int_agency__place') }} as place
        inner join {{ ref('int_build__moment') }} as moment on place.changed_in = moment.build_number
    ),

    export as (
        select
            exists (
                select 1
                from {{ ref('int_portal__file') }} as file
                where file.is_current and file.entity = 'dossier'
            ) <> exists (
                select 1
                from {{ before }} as pair
                where pair.result <> 'not_expected'
            ) as has_come_or_gone
    ),

    -- Pairs of which a unit has another place now; of two units one of which has another successor.
    moved as (
        select pair.dossier_group
        from {{ before }} as pair
        cross join export
        where
            export.has_come_or_gone
            or (
                pair.here_agency_code <> pair.there_agency_code
                and (
                    pair.here_agency_code = any(array(select moved_unit.agency_code from moved_unit))
                    or pair.there_agency_code = any(array(select moved_unit.agency_code from moved_unit))
                )
            )
        {%- for built, side in [('pair', 'here_'), ('pair', 'there_'), ('silent', '')] %}
            union
            select {{ built }}.dossier_group
            from {{ as_built_before('int_reconciliation__' ~ built) }} as {{ built }}
            cross join {{ ref('int_build__moment') }} as moment
            left join {{ ref('int_agency__place') }} as place
                on
                    {{ built }}.{{ side }}agency_code = place.agency_code
                    and coalesce({{ built }}.{{ side }}received_on, moment.known_on)
                    between place.received_from and place.received_to
            where
                {{ built }}.{{ side }}agency_code = any(array(select moved_unit.agency_code from moved_unit))
                and ({{ built }}.{{ side }}place_id is distinct from place.place_id)
        {%- endfor %}
    )

    select changed.dossier_code
    from {{ ref('int_dossier__changed') }} as changed
    union
    select moved.dossier_group as dossier_code
    from moved
    union
    select link.dossier_code
    from moved
    inner join {{ ref('int_dossier__link') }} as link on moved.dossier_group = link.dossier_group
{% endif %}
