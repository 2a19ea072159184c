-- How many dossiers took how many working days, month by month of their end, place and field: a histogram of whole
-- days, from which the percentiles of any unit and period are exact.
select
    measure.place_id,
    measure.field_code,
    convention.name as period_convention,
    {{ month_index('measure.finished_on', 'convention.name') | indent(4) }} as month_index,
    measure.processing_working_days,
    cast(count(*) as int) as dossiers
from {{ ref('int_dossier__measure') }} as measure
cross join (values ('statutory'), ('calendar')) as convention (name)
where measure.is_resolved_by_result
group by measure.place_id, measure.field_code, convention.name, month_index, measure.processing_working_days
