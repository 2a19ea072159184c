select
    row_number,
    {{ short_procedure_code('procedure_code') }} as procedure_code,
    name_vi,
    field_code,
    field_name_vi,
    cast(service_level as smallint) as service_level,
    has_fee = '1' as has_fee,
    cast(processing_days as numeric) as processing_days,
    day_kind,
    cast(announced_on as date) as announced_on,
    cast(published_on as date) as published_on,
    content_complete = '1' as is_content_complete,
    cast(valid_from as date) as valid_from,
    cast(valid_to as date) as valid_to
from ({{ newest_reference('procedure') }}) as catalogue
