select
    row_number,
    agency_code,
    name_vi,
    name_en,
    level as agency_level,
    parent_code,
    gso_code,
    cast(valid_from as date) as valid_from,
    cast(valid_to as date) as valid_to
from ({{ newest_reference('agency') }}) as agency
