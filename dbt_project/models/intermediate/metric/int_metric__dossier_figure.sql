{{ config(materialized='view') }}

-- The metrics of dossiers: those that are sums over a unit's dossiers, and those that are counted at each unit. Each
-- numerator counts a part of its denominator; a percentile stands over 1.
select
    cell.period_id,
    cell.org_view,
    cell.agency_code,
    cell.field_code,
    figure.metric_code,
    cast(figure.numerator as numeric) as numerator,
    cast(figure.denominator as numeric) as denominator
from {{ ref('int_metric__unit_cell') }} as cell
cross join
    lateral (
        values
        {{ dossier_metric_values('dossier') | indent(8) }}
    ) as figure (metric_code, numerator, denominator)
where figure.denominator <> 0
union all
select
    cell.period_id,
    cell.org_view,
    cell.agency_code,
    cell.field_code,
    figure.metric_code,
    figure.numerator,
    cast(1 as numeric) as denominator
from {{ ref('int_metric__processing_percentile') }} as cell
cross join
    lateral (
        values
        ('processing_working_days_p50', cell.p50),
        ('processing_working_days_p90', cell.p90)
    ) as figure (metric_code, numerator)
union all
select
    period_id,
    org_view,
    agency_code,
    field_code,
    'online_procedure_rate' as metric_code,
    cast(used_online as numeric) as numerator,
    cast(used as numeric) as denominator
from {{ ref('int_metric__online_procedure') }}
union all
select
    period_id,
    org_view,
    agency_code,
    '*' as field_code,
    'electronic_certification_unit_rate' as metric_code,
    cast(certifying as numeric) as numerator,
    cast(communes as numeric) as denominator
from {{ ref('int_metric__certifying_commune') }}
