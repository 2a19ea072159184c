-- The months that a period is made of, and the one before it, whose end is what the period carries over.
select
    period.period_id,
    period.period_convention,
    month_index,
    month_index >= period.first_month as is_within,
    month_index = period.last_month as is_last,
    month_index < period.first_month as is_before
from {{ ref('int_period__period') }} as period
cross join generate_series(period.first_month - 1, period.last_month) as month_index
