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
        ('portal_sync_rate', cell.new_synced + cell.carried_synced, cell.new_one_stop + cell.carried_one_stop),
        (
            'portal_agreement_rate',
            cell.resolved_agreeing + cell.in_progress_agreeing,
            cell.new_synced + cell.carried_synced
        )
    ) as figure (metric_code, numerator, denominator)
where
    figure.denominator <> 0
    and exists (
        select 1
        from {{ ref('stg_platform__source') }}
        where source_kind = 'portal_export' and is_listed
    )
