select
    row_number,
    agency_code,
    cast(month || '-01' as date) as month_from,
    cast(issued as numeric) as issued,
    cast(digitally_signed as numeric) as digitally_signed
from ({{ newest_reference('document_statistic') }}) as document_statistic
