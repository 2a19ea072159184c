-- Which procedures had a new dossier, and a new online one, month by month, place and field: of those that the
-- catalogue offers online (level 3, 4) at any time. is_offered: on the day of receipt of one of the month's dossiers.
-- They are numbered, because counting numbers is cheaper than counting texts.
with

offered as (
    select
        procedure_code,
        cast(row_number() over (order by procedure_code) as int) as procedure_number
    from {{ ref('int_procedure__span') }}
    where service_level in (3, 4)
    group by procedure_code
)

select
    measure.place_id,
    measure.field_code,
    offered.procedure_number,
    convention.name as period_convention,
    {{ month_index('measure.received_on', 'convention.name') | indent(4) }} as month_index,
    bool_or(coalesce(measure.catalogue_level in (3, 4), false)) as is_offered,
    bool_or(measure.channel = 2) as is_online
from {{ ref('int_dossier__measure') }} as measure
inner join offered on measure.procedure_code = offered.procedure_code
cross join (values ('statutory'), ('calendar')) as convention (name)
group by measure.place_id, measure.field_code, offered.procedure_number, convention.name, month_index
