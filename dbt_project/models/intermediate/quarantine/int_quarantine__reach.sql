-- Where an uncertain dossier could be, and where it counts now: the units and fields whose figures it can move. A unit
-- that nobody knows is any unit that its source has dossiers of, and the province once; a field that nobody knows is
-- any field of the source. Where both are unknown, the units are looked at for all fields together, and the fields for
-- the province. Dossiers with the same cells have the same site; one that could be anywhere has up to three.
with

-- The field by the dossier's own word, else by the catalogue on any day that its receipt may have been on.
known_field as (
    select
        dossier_key,
        field_code
    from {{ ref('int_quarantine__uncertain') }}
    where field_code is not null
    union
    select
        uncertain.dossier_key,
        coalesce(catalogue.field_code, '?') as field_code
    from {{ ref('int_quarantine__uncertain') }} as uncertain
    left join {{ ref('int_procedure__span') }} as catalogue
        on
            uncertain.procedure_code = catalogue.procedure_code
            and uncertain.received_last >= catalogue.used_from
            and uncertain.received_first <= catalogue.used_to
    where uncertain.field_code is null and uncertain.procedure_code is not null
),

any_field as (
    select
        uncertain.dossier_key,
        field.field_code
    from {{ ref('int_quarantine__uncertain') }} as uncertain
    inner join (
        select distinct
            source_id,
            field_code
        from {{ ref('int_quarantine__source_place') }}
    ) as field on uncertain.source_id = field.source_id
    where uncertain.dossier_key not in (select known_field.dossier_key from known_field)
),

-- Its unit and those above, in the trees of all days that its receipt may have been on.
known_unit as (
    select distinct
        uncertain.dossier_key,
        unit.org_view,
        unit.agency_code
    from {{ ref('int_quarantine__uncertain') }} as uncertain
    inner join {{ ref('int_agency__place') }} as place
        on
            uncertain.agency_code = place.agency_code
            and uncertain.received_last >= place.received_from
            and uncertain.received_first <= place.received_to
    inner join {{ ref('int_agency__place_unit') }} as unit on place.place_id = unit.place_id
    where uncertain.may_count
),

nowhere as (
    select
        uncertain.dossier_key,
        uncertain.source_id
    from {{ ref('int_quarantine__uncertain') }} as uncertain
    where
        uncertain.may_count
        and uncertain.dossier_key not in (select known_unit.dossier_key from known_unit)
),

could_be_at as (
    select
        dossier_key,
        org_view,
        agency_code
    from known_unit
    union all
    select
        nowhere.dossier_key,
        org_view,
        '{{ var("province_code") }}' as agency_code
    from nowhere
    cross join (values ('as_was'), ('as_is')) as view (org_view)
),

could_be as (
    select
        could_be_at.dossier_key,
        could_be_at.org_view,
        could_be_at.agency_code,
        field.field_code
    from could_be_at
    inner join (
        select * from known_field
        union all
        select * from any_field
        union all
        select
            dossier_key,
            '*' as field_code
        from {{ ref('int_quarantine__uncertain') }}
    ) as field on could_be_at.dossier_key = field.dossier_key
),

is_at as (
    select
        counted.dossier_key,
        unit.org_view,
        unit.agency_code,
        field.field_code
    from {{ ref('int_quarantine__counted') }} as counted
    inner join {{ ref('int_dossier__counted') }} as dossier on counted.dossier_code = dossier.dossier_code
    inner join {{ ref('int_agency__place_unit') }} as unit on dossier.place_id = unit.place_id
    cross join lateral (values ('*'), (dossier.field_code)) as field (field_code)
),

-- One that could be anywhere is looked at apart from the place where it counts, but for the province.
at as (
    select
        dossier_key,
        case
            when
                agency_code <> '{{ var("province_code") }}'
                and dossier_key in (select nowhere.dossier_key from nowhere)
                then 'where it counts'
            else 'its own'
        end as part,
        org_view,
        agency_code,
        field_code,
        could_be.dossier_key is not null as may_be_here,
        is_at.dossier_key is not null as is_here
    from could_be
    full join is_at using (dossier_key, org_view, agency_code, field_code)
)

select
    dossier_key,
    md5(string_agg(
        concat_ws(' ', org_view, agency_code, field_code, may_be_here, is_here), '|'
        order by org_view, agency_code, field_code
    )) as site_key,
    cast(null as text) as source_id,
    array_agg(org_view order by org_view, agency_code, field_code) as org_views,
    array_agg(agency_code order by org_view, agency_code, field_code) as agency_codes,
    array_agg(field_code order by org_view, agency_code, field_code) as field_codes,
    array_agg(may_be_here order by org_view, agency_code, field_code) as may_be_here,
    array_agg(is_here order by org_view, agency_code, field_code) as is_here
from at
group by dossier_key, part
union all
select
    nowhere.dossier_key,
    concat_ws(' ', 'any', nowhere.source_id, string_agg(known_field.field_code, ' ' order by known_field.field_code))
        as site_key,
    nowhere.source_id,
    null as org_views,
    null as agency_codes,
    array_remove(array_agg(known_field.field_code order by known_field.field_code), null) || cast('*' as text)
        as field_codes,
    null as may_be_here,
    null as is_here
from nowhere
left join known_field on nowhere.dossier_key = known_field.dossier_key
group by nowhere.dossier_key, nowhere.source_id
