-- Every rate of a unit beside the quarter before, the year before, and its target.
select
    metric.metric_name_vi, compared.value, compared.change_from_previous, compared.change_from_last_year,
    compared.target, compared.is_target_met, compared.rank
from mart.metric_comparison as compared
inner join mart.dim_metric as metric on compared.metric_code = metric.metric_code
where
    compared.period_convention = 'statutory' and compared.period = '2024-Q3' and compared.org_view = 'as_was'
    and compared.agency_code = 'H15.07'
order by metric.metric_name_vi;
