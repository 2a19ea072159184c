-- How long rejected rows have waited, by source, unit and rule. A row that breaks several rules counts under each.
select
    rejected.source_id,
    rejected.entity,
    rejected.responsible_agency_code as agency_code,
    broken.rule_id,
    cast(count(*) as int) as rows_open,
    min(rejected.first_seen_at) as oldest_seen_at,
    max(rejected.days_open) as days_open_max,
    cast(percentile_cont(0.5) within group (order by rejected.days_open) as numeric) as days_open_median,
    cast(count(*) filter (where rejected.days_open > 7) as int) as rows_over_7_days,
    cast(count(*) filter (where rejected.days_open > 30) as int) as rows_over_30_days
from {{ ref('int_quarantine__open') }} as rejected
cross join unnest(rejected.rule_ids) as broken (rule_id)
group by 1, 2, 3, 4
