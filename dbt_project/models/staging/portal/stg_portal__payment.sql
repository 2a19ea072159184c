select
    shown.source_id,
    shown.batch_id,
    shown.row_number,
    shown.file_id,
    replay.accepted_at as replayed_at,
    {{ local_moment('ngay_cap_nhat') }} as updated_at,
    ma_giao_dich as transaction_code,
    ma_ho_so as dossier_code,
    cast(so_tien as numeric) as amount,
    case hinh_thuc
        when 'Trực tuyến' then 'online'
        when 'Tiền mặt' then 'cash'
        when 'Chuyển khoản' then 'transfer'
    end as payment_method,
    case trang_thai
        when 'Thành công' then 'successful'
        when 'Thất bại' then 'failed'
        when 'Hoàn tiền' then 'refunded'
    end as payment_status,
    {{ local_moment('ngay_thanh_toan') }} as paid_at
from {{ source('raw', 'portal_payment') }} as shown
left join {{ source('ops', 'load_batch') }} as replay
    on shown.batch_id = replay.batch_id and replay.replays_batch_id is not null
