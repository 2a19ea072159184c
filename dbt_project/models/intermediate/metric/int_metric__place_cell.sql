-- Periods out of months: what happened adds up over the months, the state is the last month's, and what is carried
-- over is what was in progress at the end of the month before. Apologies count up to the period's own last day.
with

late_apology as (
    select
        period.period_id,
        late.place_id,
        late.field_code,
        sum(late.dossiers) as dossiers
    from {{ ref('int_metric__late_apology') }} as late
    inner join {{ ref('int_period__period') }} as period
        on
            late.period_convention = period.period_convention
            and late.finished_month between period.first_month and period.last_month
            and late.apologised_month <= period.last_month
    group by period.period_id, late.place_id, late.field_code
),

cell as (
    select
        part.period_id,
        cell.place_id,
        cell.field_code,
        {{ measures_of_period() }}
    from {{ ref('int_metric__month_cell') }} as cell
    inner join {{ ref('int_period__month') }} as part
        on
            cell.period_convention = part.period_convention
            and cell.month_index = part.month_index
    group by part.period_id, cell.place_id, cell.field_code
)

select
    cell.period_id,
    cell.place_id,
    cell.field_code,
    {{ period_columns_with_late_apologies() }}
from cell
left join late_apology
    on
        cell.period_id = late_apology.period_id
        and cell.place_id = late_apology.place_id
        and cell.field_code = late_apology.field_code
