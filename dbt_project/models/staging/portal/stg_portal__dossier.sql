select
    shown.source_id,
    shown.batch_id,
    shown.row_number,
    shown.file_id,
    replay.accepted_at as replayed_at,
    {{ local_moment('ngay_cap_nhat') }} as updated_at,
    ma_ho_so as dossier_code,
    ma_ho_so_khac as other_code,
    {{ short_procedure_code('ma_tthc') }} as procedure_code,
    ten_tthc as procedure_name,
    don_vi_xu_ly as agency_code,
    cast(kenh_thuc_hien as smallint) as channel,
    muc_do as service_level,
    cast(trang_thai_ho_so as smallint) as status,
    {{ local_moment('ngay_nop_ho_so') }} as submitted_at,
    {{ local_moment('ngay_tiep_nhan') }} as received_at,
    {{ local_moment('ngay_hen_tra') }} as shown_appointment_at,
    {{ local_moment('ngay_ket_thuc_xu_ly') }} as ended_at,
    {{ local_moment('ngay_tra') }} as returned_at,
    {{ local_moment('ngay_dong_bo') }} as synchronised_at
from {{ source('raw', 'portal_dossier') }} as shown
left join {{ source('ops', 'load_batch') }} as replay
    on shown.batch_id = replay.batch_id and replay.replays_batch_id is not null
