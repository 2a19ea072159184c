{{ config(indexes=[{'columns': ['dossier_code'], 'unique': true}]) }}

-- The codes whose pairs this build makes anew: those of int_dossier__changed; after a reorganisation also those whose
-- unit here or there it touched; all of them where the portal's first export came, or its last one went. In a whole
-- build there is nothing to say.
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

    moved as (
        select dossier_group
        from {{ before }}
        where
            here_agency_code = any(array(select agency_code from moved_unit))
            or there_agency_code = any(array(select agency_code from moved_unit))
            or (select has_come_or_gone from export)
        union
        select dossier_group
        from {{ as_built_before('int_reconciliation__silent') }}
        where agency_code = any(array(select agency_code from moved_unit))
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
