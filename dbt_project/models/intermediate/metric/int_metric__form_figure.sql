{{ config(materialized='view') }}

-- The twelve counts of form II.06a.
select
    cell.period_id,
    cell.org_view,
    cell.agency_code,
    cell.field_code,
    figure.metric_code,
    cast(figure.numerator as numeric) as numerator,
    cast(null as numeric) as denominator
from {{ ref('int_metric__unit_cell') }} as cell
cross join
    lateral (
        values
        {{ dossier_metric_values('form') | indent(8) }}
    ) as figure (metric_code, numerator, denominator)
where figure.numerator <> 0
