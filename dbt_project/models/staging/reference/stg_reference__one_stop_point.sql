select
    row_number,
    point_code,
    agency_code,
    name_vi,
    has_queue_machine = '1' as has_queue_machine,
    has_lookup_kiosk = '1' as has_lookup_kiosk,
    has_online_help_desk = '1' as has_online_help_desk,
    cast(valid_from as date) as valid_from,
    cast(valid_to as date) as valid_to
from ({{ newest_reference('one_stop_point') }}) as one_stop_point
