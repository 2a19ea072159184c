select
    row_number,
    cast(day as date) as day,
    is_working = '1' as is_working,
    reason,
    document
from ({{ newest_reference('working_day_exception') }}) as exception
