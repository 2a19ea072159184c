select
    source_id,
    batch_id,
    row_number,
    file_id,
    {{ local_moment('ngay_cap_nhat') }} as updated_at,
    ma_phieu as rating_code,
    ma_ho_so as dossier_code,
    cast(diem as smallint) as score,
    {{ local_moment('ngay_danh_gia') }} as rated_at
from {{ source('raw', 'portal_rating') }}
