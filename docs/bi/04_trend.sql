-- A rate of one unit over twelve months.
select period, period_from, numerator, denominator, round(100 * value, 2) as percent
from mart.quarterly_metric
where
    period_convention = 'calendar' and period ~ '-M' and org_view = 'as_is' and agency_code = 'H15.07' and field_code = '*'
    and metric_code = 'on_time_rate'
order by period_from desc
limit 12;
