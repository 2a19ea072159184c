with

version as (
    select
        raw_version.*,
        batch.accepted_at,
        batch.is_first_load,
        coalesce(batch.replays_batch_id, batch.batch_id) as delivery_order,
        {{ local_moment('raw_version.ngay_cap_nhat') }} as updated_at
    from {{ source('raw', 'feedback_case') }} as raw_version
    inner join {{ source('ops', 'load_batch') }} as batch on raw_version.batch_id = batch.batch_id
)

select
    source_id,
    batch_id,
    row_number,
    delivery_order,
    updated_at,
    {{ known_from('updated_at') }} as known_at,
    ma_pakn as case_code,
    ma_pakn_goc as first_case_code,
    nguon as channel,
    -- Nobody judged MaTTHC here: what is no procedure's code is none.
    case when ma_tthc ~ '^\d\.\d{6}(\.|$)' then {{ short_procedure_code('ma_tthc') }} end as procedure_code,
    don_vi_xu_ly as agency_code,
    cast(loai_noi_dung as smallint) as content_kind,
    case thuoc_tham_quyen when '1' then true when '0' then false end as is_competent,
    trang_thai as status,
    muc_do_hai_long as satisfaction,
    {{ local_moment('ngay_tiep_nhan') }} as received_at,
    {{ local_moment('ngay_chuyen') }} as transferred_at,
    {{ local_moment('han_xu_ly') }} as due_at,
    {{ local_moment('ngay_tra_loi') }} as answered_at,
    {{ local_moment('ngay_cong_khai') }} as published_at
from version
