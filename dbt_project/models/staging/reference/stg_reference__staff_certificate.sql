select
    row_number,
    agency_code,
    cast(as_of as date) as as_of,
    cast(required as numeric) as required,
    cast(issued as numeric) as issued
from ({{ newest_reference('staff_certificate') }}) as staff_certificate
