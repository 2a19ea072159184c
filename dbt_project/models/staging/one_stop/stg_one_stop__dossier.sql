-- One row per accepted version. Of a delete only the code, the link and the moment are read: nothing else was judged.
with

version as (
    select
        raw_version.*,
        batch.accepted_at,
        batch.is_first_load,
        -- A row that came back from quarantine keeps its place in the delivery that brought it.
        coalesce(batch.replays_batch_id, batch.batch_id) as delivery_order,
        coalesce(raw_version.da_xoa = '1', false) as is_deleted
    from {{ source('raw', 'one_stop_dossier') }} as raw_version
    inner join {{ source('ops', 'load_batch') }} as batch on raw_version.batch_id = batch.batch_id
),

timed as (
    select
        *,
        case
            when is_deleted then {{ local_moment_or_null('ngay_cap_nhat') }}
            else {{ local_moment('ngay_cap_nhat') }}
        end as updated_at
    from version
)

select
    source_id,
    batch_id,
    row_number,
    delivery_order,
    updated_at,
    is_deleted,
    {{ known_from('updated_at') }} as known_at,
    ma_ho_so as dossier_code,
    ma_ho_so_khac as other_code,
    case when not is_deleted then {{ short_procedure_code('ma_tthc') }} end as procedure_code,
    case when not is_deleted then ten_tthc end as procedure_name,
    case when not is_deleted then ma_linh_vuc end as field_code,
    case when not is_deleted then ten_linh_vuc end as field_name,
    case when not is_deleted then cast(kenh_thuc_hien as smallint) end as channel,
    case when not is_deleted then muc_do end as service_level,
    case when not is_deleted then noi_nop_ho_so end as submitted_through,
    case when not is_deleted then loai_doi_tuong end as applicant_kind,
    case when not is_deleted then so_dinh_danh_hash end as applicant_hash,
    case when not is_deleted then don_vi_tiep_nhan end as receiving_agency_code,
    case when not is_deleted then don_vi_xu_ly end as agency_code,
    case when not is_deleted then cast(trang_thai_ho_so as smallint) end as status,
    case when not is_deleted then coalesce(la_ho_so_thu_nghiem = '1', false) end as is_test,
    case when not is_deleted then {{ local_moment('ngay_nop_ho_so') }} end as submitted_at,
    case when not is_deleted then {{ local_moment('ngay_tiep_nhan') }} end as received_at,
    case when not is_deleted then {{ local_moment('ngay_hen_tra_ban_dau') }} end as first_appointment_at,
    case when not is_deleted then {{ local_moment('ngay_hen_tra') }} end as shown_appointment_at,
    case when not is_deleted then {{ local_moment('ngay_ket_thuc_xu_ly') }} end as ended_at,
    case when not is_deleted then {{ local_moment('ngay_tra') }} end as returned_at,
    case when not is_deleted then {{ local_moment('ngay_tu_choi') }} end as refused_at,
    case when not is_deleted then danh_sach_ho_so_bo_sung end as supplements,
    case when not is_deleted then danh_sach_xin_loi end as apologies,
    case when not is_deleted then danh_sach_le_phi end as fees,
    case when not is_deleted then coalesce(ho_so_co_thanh_phan_so_hoa = '1', false) end as has_digitised_papers,
    case when not is_deleted then coalesce(duoc_tai_su_dung = '1', false) end as reuses_digitised_data,
    case when not is_deleted then coalesce(ket_qua_dien_tu = '1', false) end as has_electronic_result,
    case
        when not is_deleted then coalesce(tai_khoan_duoc_xac_thuc_voi_vneid = '1', false)
    end as is_identity_verified,
    case when not is_deleted then coalesce(chung_thuc_ban_sao_dien_tu = '1', false) end as has_certified_copy,
    case when not is_deleted then cast(muc_do_hai_long as smallint) end as rating
from timed
