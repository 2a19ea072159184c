-- Rules that rows broke on the newest day with deliveries, by unit.
select source_id, entity, agency_code, rule_id, action, failed, checked
from mart.quality_rule_day
where day = (select max(newest.day) from mart.quality_rule_day as newest) and failed > 0
order by failed desc, rule_id
limit 50;
