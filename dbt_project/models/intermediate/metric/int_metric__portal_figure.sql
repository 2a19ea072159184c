{{ config(materialized='view') }}

-- What the national portal knows of the one-stop systems' dossiers. Without a portal in province.yml there is no row.
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
        -- Received, in progress or resolved in the period: new in it, or carried over into it.
        {{ dossier_metric_values('portal') | indent(8) }}
    ) as figure (metric_code, numerator, denominator)
where
    figure.denominator <> 0
    and exists (
        select 1
        from {{ ref('stg_platform__source') }}
        where source_kind = 'portal_export' and is_listed
    )
