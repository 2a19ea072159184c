-- Units of one level ranked by a rate; a rank is empty where a unit has too few dossiers.
select ranking.rank, ranking.ranked_units, unit.agency_name_vi, round(100 * ranking.value, 2) as percent, ranking.dossiers
from mart.metric_rank as ranking
inner join mart.dim_agency as unit on ranking.agency_code = unit.agency_code and unit.is_latest
where
    ranking.period_convention = 'statutory' and ranking.period = '2024-Q3' and ranking.org_view = 'as_was'
    and ranking.metric_code = 'on_time_rate' and ranking.agency_level = 'commune'
order by ranking.rank nulls last, unit.agency_name_vi
limit 50;
