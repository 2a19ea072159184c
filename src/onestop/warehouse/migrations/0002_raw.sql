-- Raw tables: text as delivered (normalised), append-only. Columns as in sources/specs/*.yml; a test compares them.

create table raw.one_stop_dossier (
    batch_id bigint not null,
    row_number int not null,
    source_id text not null,
    content_hash bytea not null,
    warning_ids text[],
    ma_ho_so text,
    ma_ho_so_khac text,
    ma_tthc text,
    ten_tthc text,
    ma_linh_vuc text,
    ten_linh_vuc text,
    kenh_thuc_hien text,
    muc_do text,
    noi_nop_ho_so text,
    don_vi_tiep_nhan text,
    don_vi_xu_ly text,
    loai_doi_tuong text,
    loai_dinh_danh text,
    so_dinh_danh_hash text,
    ngay_nop_ho_so text,
    ngay_tiep_nhan text,
    ngay_hen_tra_ban_dau text,
    ngay_hen_tra text,
    ngay_ket_thuc_xu_ly text,
    ngay_tra text,
    ngay_tu_choi text,
    trang_thai_ho_so text,
    danh_sach_ho_so_bo_sung jsonb,
    danh_sach_xin_loi jsonb,
    danh_sach_le_phi jsonb,
    ho_so_co_thanh_phan_so_hoa text,
    duoc_tai_su_dung text,
    ket_qua_dien_tu text,
    tai_khoan_duoc_xac_thuc_voi_vneid text,
    chung_thuc_ban_sao_dien_tu text,
    muc_do_hai_long text,
    ngay_danh_gia text,
    la_ho_so_thu_nghiem text,
    loai_du_lieu_ket_noi text,
    da_xoa text,
    ngay_cap_nhat text
);
comment on table raw.one_stop_dossier is 'Every accepted version of every dossier of every one-stop system. No personal data.';
-- A pull looks for records it has seen before by the time they carry; such entries arrive nearly in order, so the index stays cheap.
create index one_stop_dossier_version on raw.one_stop_dossier (source_id, ngay_cap_nhat);

-- Reference files: the newest accepted batch of each entity is the one in force; older ones stay as history.
create table raw.agency (
    batch_id bigint not null, row_number int not null,
    agency_code text, name_vi text, name_en text, level text, parent_code text, gso_code text, valid_from text, valid_to text
);
create table raw.agency_succession (
    batch_id bigint not null, row_number int not null,
    predecessor_code text, successor_code text, effective_on text, is_default text, legal_basis text
);
create table raw.procedure (
    batch_id bigint not null, row_number int not null,
    procedure_code text, name_vi text, field_code text, field_name_vi text, service_level text, has_fee text,
    processing_days text, day_kind text, announced_on text, published_on text, content_complete text,
    valid_from text, valid_to text
);
comment on table raw.agency is 'agencies.csv of contracts/reference_data.md, every accepted version of the file.';
comment on table raw.agency_succession is 'agency_succession.csv, every accepted version of the file.';
comment on table raw.procedure is 'procedures.csv, every accepted version of the file.';
create index on raw.agency (batch_id);
create index on raw.agency_succession (batch_id);
create index on raw.procedure (batch_id);
