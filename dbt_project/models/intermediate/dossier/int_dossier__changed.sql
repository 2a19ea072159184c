{{ config(indexes=[{'columns': ['dossier_code'], 'unique': true}]) }}

-- The codes whose dossiers this build makes anew: those that new batches, payments, ratings or portal files name, those
-- whose figures depend on the build's day or whose unit's place changed, and all codes linked with one of them before.
-- What a new version links is named by that version: no dossier outside of these can change. Group names are codes, so
-- that a group is found by its name too. In a whole build there is nothing to say.
{% if not follows_change() %}
    select cast(null as text) as dossier_code
    where false
{% else %}
    {%- set batches = 'any(array(select batch_id from new_batch))' -%}
    {%- set files = 'any(array(select file_id from changed_file))' -%}
    with

    new_batch as (
        select batch.batch_id
        from {{ ref('int_build__batch') }} as batch
        inner join {{ ref('int_build__moment') }} as moment on batch.build_number = moment.build_number
    ),

    changed_file as (
        select file.file_id
        from {{ ref('int_portal__file') }} as file
        inner join {{ ref('int_build__moment') }} as moment on file.changed_in = moment.build_number
    ),

    payment as (
        select distinct transaction_code
        from {{ ref('stg_portal__payment') }}
        where batch_id = {{ batches }} or file_id = {{ files }}
    ),

    rating as (
        select distinct rating_code
        from {{ ref('stg_portal__rating') }}
        where batch_id = {{ batches }} or file_id = {{ files }}
    ),

    -- Dossiers whose suspension the new day may have begun, ended or lengthened.
    counted as (
        select
            counted.dossier_code,
            counted.place_id,
            counted.agency_code,
            counted.received_on,
            counted.finished_on is null
            and counted.suspended_during is not null
            and (
                (counted.suspended_during @> moment.previous_known_on) <> (counted.suspended_during @> moment.known_on)
                or coalesce(
                    moment.previous_known_on <> moment.known_on
                    and counted.stopped_during && daterange(moment.previous_known_on, null),
                    false
                )
            ) as depends_on_day
        from {{ as_built_before('int_dossier__counted') }} as counted
        cross join {{ ref('int_build__moment') }} as moment
        where counted.finished_on is null and counted.suspended_during is not null
    ),

    moved_unit as (
        select distinct place.agency_code
        from {{ ref('int_agency__place') }} as place
        inner join {{ ref('int_build__moment') }} as moment on place.changed_in = moment.build_number
    ),

    named as (
        select
            dossier_code,
            other_code
        from {{ ref('stg_one_stop__dossier') }}
        where batch_id = {{ batches }}
        union all
        select
            dossier_code,
            other_code
        from {{ ref('stg_portal__dossier') }}
        where batch_id = {{ batches }} or file_id = {{ files }}
        union all
        select
            dossier_code,
            null as other_code
        from {{ ref('stg_portal__payment') }}
        where transaction_code = any(array(select payment.transaction_code from payment))
        union all
        select
            dossier_code,
            null as other_code
        from {{ ref('stg_portal__rating') }}
        where rating_code = any(array(select rating.rating_code from rating))
        union all
        select
            dossier_code,
            null as other_code
        from counted
        where depends_on_day
        union all
        select
            placed.dossier_code,
            null as other_code
        from {{ as_built_before('int_dossier__counted') }} as placed
        inner join {{ ref('int_agency__place') }} as place
            on
                placed.agency_code = place.agency_code
                and placed.received_on between place.received_from and place.received_to
        where
            placed.agency_code = any(array(select moved_unit.agency_code from moved_unit))
            and placed.place_id is distinct from place.place_id
    ),

    code as (
        select dossier_code
        from named
        union
        select other_code as dossier_code
        from named
        where other_code is not null
    )

    select code.dossier_code
    from code
    union
    select together.dossier_code
    from code
    inner join {{ as_built_before('int_dossier__link') }} as link on code.dossier_code = link.dossier_code
    inner join {{ as_built_before('int_dossier__link') }} as together on link.dossier_group = together.dossier_group
{% endif %}
