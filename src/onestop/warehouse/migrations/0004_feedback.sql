-- Cases of the feedback system, as sources/specs/feedback_case.yml; a test compares the columns.

create table raw.feedback_case (
    batch_id bigint not null,
    row_number int not null,
    source_id text not null,
    content_hash bytea not null,
    warning_ids text[],
    ma_pakn text,
    ma_pakn_goc text,
    nguon text,
    ma_tthc text,
    don_vi_xu_ly text,
    ngay_tiep_nhan text,
    ngay_chuyen text,
    loai_noi_dung text,
    thuoc_tham_quyen text,
    han_xu_ly text,
    ngay_tra_loi text,
    ngay_cong_khai text,
    trang_thai text,
    muc_do_hai_long text,
    ngay_cap_nhat text
);
comment on table raw.feedback_case is 'Every accepted version of every case of the feedback system. No personal data.';
create index feedback_case_version on raw.feedback_case (source_id, ngay_cap_nhat);
