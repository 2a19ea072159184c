{{ config(pre_hook="{{ join_by_hash(always=true) }}") }}

-- The mean of working days. Lowest: every uncertain dossier took none (its suspended days are unknown). Highest: those
-- with the most days are in as long as they raise it; without a bound on one's days there is none.
with

cell as (
    select
        uncertain.period_id,
        uncertain.org_view,
        uncertain.agency_code,
        uncertain.field_code,
        sum(uncertain.dossiers) as dossiers,
        bool_or(uncertain.may_be_here and uncertain.days_highest is null) as is_without_highest,
        coalesce(max(figure.processing_days), 0) as days,
        coalesce(max(figure.resolved_by_result), 0) as resolved,
        coalesce(max(figure.processing_days), 0) - coalesce(sum(uncertain.days_now * uncertain.dossiers), 0)
            as days_of_others,
        coalesce(max(figure.resolved_by_result), 0)
        - coalesce(sum(uncertain.dossiers) filter (where uncertain.days_now is not null), 0) as others
    from {{ ref('int_quarantine__day') }} as uncertain
    left join {{ ref('int_metric__unit_cell') }} as figure
        on
            uncertain.period_id = figure.period_id
            and uncertain.org_view = figure.org_view
            and uncertain.agency_code = figure.agency_code
            and uncertain.field_code = figure.field_code
    group by uncertain.period_id, uncertain.org_view, uncertain.agency_code, uncertain.field_code
),

longest_first as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        sum(dossiers * greatest(days_highest, days_now)) over longer as days,
        sum(dossiers) over longer as dossiers
    from {{ ref('int_quarantine__day') }}
    window
        longer as (
            partition by period_id, org_view, agency_code, field_code
            order by greatest(days_highest, days_now) desc
        )
),

highest as (
    select
        cell.period_id,
        cell.org_view,
        cell.agency_code,
        cell.field_code,
        max(
            (cell.days_of_others + longest_first.days) / (cell.others + longest_first.dossiers)
        ) as value
    from cell
    inner join longest_first
        on
            cell.period_id = longest_first.period_id
            and cell.org_view = longest_first.org_view
            and cell.agency_code = longest_first.agency_code
            and cell.field_code = longest_first.field_code
    where not cell.is_without_highest
    group by cell.period_id, cell.org_view, cell.agency_code, cell.field_code
)

select
    cell.period_id,
    cell.org_view,
    cell.agency_code,
    cell.field_code,
    'processing_working_days_mean' as metric_code,
    cast(cell.days as numeric) / nullif(cell.resolved, 0) as value,
    cast(cell.days_of_others as numeric) / (cell.others + cell.dossiers) as value_lowest,
    case
        when not cell.is_without_highest
            then greatest(highest.value, cast(cell.days_of_others as numeric) / nullif(cell.others, 0))
    end as value_highest,
    cell.dossiers
from cell
left join highest
    on
        cell.period_id = highest.period_id
        and cell.org_view = highest.org_view
        and cell.agency_code = highest.agency_code
        and cell.field_code = highest.field_code
