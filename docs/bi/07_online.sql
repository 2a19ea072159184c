-- Online services and payment: a line per month, a column per rate.
select
    period,
    max(value) filter (where metric_code = 'online_submission_rate') as submitted_online,
    max(value) filter (where metric_code = 'online_payment_rate') as paid_online,
    max(value) filter (where metric_code = 'electronic_result_rate') as results_digitised
from mart.quarterly_metric
where period_convention = 'calendar' and period ~ '-M' and org_view = 'as_is' and agency_code = 'H15' and field_code = '*'
group by period
order by period desc
limit 24;
