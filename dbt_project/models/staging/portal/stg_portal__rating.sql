select
    shown.source_id,
    shown.batch_id,
    shown.row_number,
    shown.file_id,
    replay.accepted_at as replayed_at,
    {{ local_moment('ngay_cap_nhat') }} as updated_at,
    ma_phieu as rating_code,
    ma_ho_so as dossier_code,
    cast(diem as smallint) as score,
    {{ local_moment('ngay_danh_gia') }} as rated_at
from {{ source('raw', 'portal_rating') }} as shown
left join {{ source('ops', 'load_batch') }} as replay
    on shown.batch_id = replay.batch_id and replay.replays_batch_id is not null
