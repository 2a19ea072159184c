select
    source_id,
    batch_id,
    row_number,
    file_id,
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
from {{ source('raw', 'portal_payment') }}
