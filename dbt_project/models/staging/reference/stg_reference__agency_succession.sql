select
    row_number,
    predecessor_code,
    successor_code,
    cast(effective_on as date) as effective_on,
    is_default = '1' as is_default,
    legal_basis
from ({{ newest_reference('agency_succession') }}) as succession
