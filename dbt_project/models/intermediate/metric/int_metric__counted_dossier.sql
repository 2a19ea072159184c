{{ config(materialized='view') }}

-- Which dossiers a period's figures count: one row per dossier shown in the period (new, carried over, resolved or in
-- progress), with the metrics in whose numerator and denominator it counts, by the metrics' own definitions (macros
-- cell_measures and dossier_metrics). To be read for one period. A figure's list is the rows of a unit's places (and of
-- one field) that name its metric; sums, percentiles and distinct procedures are taken over that list.
with

portal as (
    select count(*) > 0 as is_listed
    from {{ ref('stg_platform__source') }}
    where source_kind = 'portal_export' and is_listed
),

life as (
    select
        measure.*,
        period.period_id,
        period.first_month,
        period.last_month,
        period.period_to,
        {{ month_index('measure.received_on', 'period.period_convention') | indent(8) }} as received_month,
        {{ month_index('measure.finished_on', 'period.period_convention') | indent(8) }} as ended_month,
        {{ month_index('(measure.due_on + 1)', 'period.period_convention') | indent(8) }} as overdue_month,
        {{ month_index('measure.apologised_on', 'period.period_convention') | indent(8) }} as apologised_month,
        {{ month_index('measure.portal_finished_on', 'period.period_convention') | indent(8) }} as portal_month
    from {{ ref('int_dossier__measure') }} as measure
    cross join {{ ref('int_period__period') }} as period
),

shown as (
    select
        life.*,
        -- An apology counts up to the period's own last month, whatever month the dossier was resolved in.
        life.last_month as finished_month,
        life.received_month >= life.first_month as is_new,
        life.received_month < life.first_month as is_carried,
        coalesce(life.ended_month <= life.last_month, false) as is_resolved,
        coalesce(life.ended_month > life.last_month, true) as is_open,
        coalesce(life.period_to <@ life.suspended_during, false) as is_suspended,
        coalesce(life.last_month >= life.overdue_month, false)
        and not coalesce(life.period_to <@ life.suspended_during, false) as is_overdue,
        coalesce(life.last_month >= life.apologised_month, false) as is_apologised,
        coalesce(life.last_month >= life.portal_month, false) as is_ended_on_portal
    from life
    where
        life.received_month <= life.last_month
        and (life.ended_month is null or life.ended_month >= life.first_month)
),

measured as (
    select
        period_id,
        dossier_code,
        place_id,
        field_code,
        procedure_code,
        received_on,
        due_on,
        finished_on,
        status,
        processing_working_days,
        {{ measures_of_dossier() }},
        is_new and coalesce(catalogue_level in (3, 4), false) as is_offered,
        is_new and channel = 2 as is_new_online
    from shown
),

cell as (
    select
        measured.*,
        {{ form_totals('measured') }}
    from measured
)

select
    cell.period_id,
    cell.dossier_code,
    origin.source_id,
    origin.batch_id,
    origin.row_number,
    cell.place_id,
    cell.field_code,
    cell.procedure_code,
    cell.received_on,
    cell.due_on,
    cell.finished_on,
    cell.status,
    case when cell.resolved_by_result = 1 then cell.processing_working_days end as processing_working_days,
    array_remove(array[
        {{ metrics_that_count('numerator') | indent(8) -}}
        case when cell.is_new_online then 'online_procedure_rate' end,
        case when cell.resolved_certified = 1 then 'electronic_certification_unit_rate' end
    ], null) as numerators,
    array_remove(array[
        {{ metrics_that_count('denominator') | indent(8) -}}
        case when cell.resolved_by_result = 1 then 'processing_working_days_p50' end,
        case when cell.resolved_by_result = 1 then 'processing_working_days_p90' end,
        case when cell.is_offered then 'online_procedure_rate' end
    ], null) as denominators
from cell
inner join {{ ref('int_dossier__counted') }} as origin on cell.dossier_code = origin.dossier_code
cross join portal
