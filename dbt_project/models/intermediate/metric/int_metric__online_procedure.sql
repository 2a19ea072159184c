-- Procedures offered online that had a new dossier, and those of them that had a new online one: distinct at every
-- unit, and so not a sum of the places below it. dossiers_print: a number that their dossiers make.
with

used as (
    select
        part.period_id,
        member.place_set_id,
        month.field_code,
        month.procedure_number,
        bool_or(month.is_offered) as is_offered,
        bool_or(month.is_online) as is_online,
        cast(sum(month.offered_dossiers) as numeric) as offered,
        cast(sum(month.online_dossiers) as numeric) as online
    from {{ ref('int_metric__used_procedure') }} as month
    inner join {{ ref('int_period__month') }} as part
        on
            month.period_convention = part.period_convention
            and month.month_index = part.month_index
            and part.is_within
    inner join {{ ref('int_agency__place_set') }} as member on month.place_id = member.place_id
    group by part.period_id, member.place_set_id, month.procedure_number, month.field_code
),

-- A procedure whose dossiers name several fields is one.
used_in_any_field as (
    select
        period_id,
        place_set_id,
        '*' as field_code,
        procedure_number,
        bool_or(is_offered) as is_offered,
        bool_or(is_online) as is_online,
        sum(offered) as offered,
        sum(online) as online
    from used
    group by period_id, place_set_id, procedure_number
),

place_set as (
    select
        period_id,
        place_set_id,
        field_code,
        count(*) filter (where is_online) as used_online,
        count(*) as used,
        sum(hash_record_extended(row(procedure_number, offered, online), 0)) as dossiers_print
    from (
        select * from used
        union all
        select * from used_in_any_field
    ) as all_used
    where is_offered
    group by period_id, place_set_id, field_code
)

select
    cell.period_id,
    unit.org_view,
    unit.agency_code,
    cell.field_code,
    cell.used_online,
    cell.used,
    cell.dossiers_print
from place_set as cell
inner join {{ ref('int_agency__unit_places') }} as unit on cell.place_set_id = unit.place_set_id
order by cell.period_id
