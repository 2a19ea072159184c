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
        ('on_time_rate', cell.resolved_early + cell.resolved_on_time, cell.resolved_total),
        ('early_rate', cell.resolved_early, cell.resolved_total),
        ('overdue_rate', cell.resolved_overdue, cell.resolved_total),
        (
            'progress_rate',
            cell.resolved_early + cell.resolved_on_time + cell.in_progress_within,
            cell.received_total
        ),
        ('no_due_date_rate', cell.resolved_without_due, cell.resolved_total),
        (
            'apology_rate',
            cell.resolved_overdue_apologised + cell.in_progress_overdue_apologised,
            cell.resolved_overdue + cell.in_progress_overdue
        ),
        ('processing_working_days_mean', cell.processing_days, cell.resolved_by_result),
        ('intake_8h_rate', cell.new_in_8h, cell.new_online_submitted),
        ('online_submission_rate', cell.received_online, cell.received_online + cell.received_direct_postal),
        ('full_online_rate', cell.new_full_online, cell.new_full),
        ('online_payment_rate', cell.resolved_paid_online, cell.resolved_with_fee),
        ('digitised_intake_rate', cell.new_digitised, cell.received_online + cell.received_direct_postal),
        ('data_reuse_rate', cell.new_reusing, cell.received_online + cell.received_direct_postal),
        ('identity_verified_rate', cell.new_online_verified, cell.received_online),
        ('electronic_result_rate', cell.resolved_electronically, cell.resolved_by_result),
        ('dossier_satisfaction_rate', cell.resolved_satisfied, cell.resolved_rated)
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
