-- Files of the national portal and their rows, as sources/specs/portal_*.yml; a test compares the columns.

create table ops.portal_file (
    file_id bigint generated always as identity primary key,
    source_id text not null,
    entity text not null,
    name text not null,
    series text not null,
    version int not null,
    covers_from date not null,
    covers_to date not null,
    modified_at timestamptz not null,
    size bigint not null,
    sha256 text not null,
    batch_id bigint not null references ops.load_batch deferrable initially deferred,
    twin_of bigint references ops.portal_file,
    layout_rows bigint not null default 0,
    unknown_headings text[] not null default '{}'
);
comment on table ops.portal_file is 'Every accepted portal file. Of a series (names that differ only in _v) the highest version replaces the others.';
comment on column ops.portal_file.twin_of is 'An earlier file with the same content: its rows are this one''s.';
comment on column ops.portal_file.series is 'The name without _v<n>, lower case.';
create index on ops.portal_file (source_id, name);
create index on ops.portal_file (source_id, sha256);

create table raw.portal_dossier (
    batch_id bigint not null,
    row_number int not null,
    source_id text not null,
    content_hash bytea not null,
    warning_ids text[],
    file_id bigint not null,
    stt text,
    ma_ho_so text,
    ma_ho_so_khac text,
    ma_tthc text,
    ten_tthc text,
    don_vi_xu_ly text,
    kenh_thuc_hien text,
    ngay_nop_ho_so text,
    ngay_tiep_nhan text,
    ngay_hen_tra text,
    ngay_ket_thuc_xu_ly text,
    ngay_tra text,
    trang_thai_ho_so text,
    muc_do text,
    ngay_dong_bo text,
    ngay_cap_nhat text
);
create table raw.portal_payment (
    batch_id bigint not null,
    row_number int not null,
    source_id text not null,
    content_hash bytea not null,
    warning_ids text[],
    file_id bigint not null,
    stt text,
    ma_giao_dich text,
    ma_ho_so text,
    so_tien text,
    hinh_thuc text,
    trang_thai text,
    ngay_thanh_toan text,
    ngay_cap_nhat text
);
create table raw.portal_rating (
    batch_id bigint not null,
    row_number int not null,
    source_id text not null,
    content_hash bytea not null,
    warning_ids text[],
    file_id bigint not null,
    stt text,
    ma_phieu text,
    ma_ho_so text,
    diem text,
    ngay_danh_gia text,
    ngay_cap_nhat text
);
comment on table raw.portal_dossier is 'The good rows of every accepted HoSo file, also those that an earlier file held unchanged. No personal data.';
comment on table raw.portal_payment is 'The good rows of every accepted ThanhToan file.';
comment on table raw.portal_rating is 'The good rows of every accepted DanhGia file. No personal data.';
create index on raw.portal_dossier (file_id);
create index on raw.portal_payment (file_id);
create index on raw.portal_rating (file_id);
create index portal_dossier_hash on raw.portal_dossier (content_hash);
create index portal_payment_hash on raw.portal_payment (content_hash);
create index portal_rating_hash on raw.portal_rating (content_hash);
