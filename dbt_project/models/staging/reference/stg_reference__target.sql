select
    row_number,
    metric_code,
    level as agency_level,
    cast(year as int) as year,
    cast(target as numeric) as target,
    legal_basis
from ({{ newest_reference('target') }}) as target
