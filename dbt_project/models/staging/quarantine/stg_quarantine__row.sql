-- Every rejected row as far as it can be read without opening what is sealed: its code, unit, dates, status, channel.
-- What a broken rule accuses is not known: it stands here as null. Rules of one number mean the same in every family.
with

rejected as (
    select
        *,
        array(select substr(rule_id, 4) from unnest(rule_ids) as broken (rule_id)) as rules,
        {{ code_as_raw_has_it("payload ->> 'MaTTHC'") }} as shown_procedure,
        btrim(payload ->> 'TrangThaiHoSo') as shown_status,
        btrim(payload ->> 'KenhThucHien') as shown_channel
    from {{ source('quarantine', 'rejected_row') }}
)

select
    rejected_id,
    source_id,
    entity,
    batch_id,
    rule_ids,
    first_seen_at,
    case when not rules && array['001', '101', '201'] then key_code end as record_code,
    {{ code_as_raw_has_it("payload ->> 'MaHoSoKhac'") }} as other_code,
    -- Of a payment, a rating: the dossier that it is about. Of a feedback case: the one that it complains about again.
    case
        when entity in ('payment', 'rating') and not rules && array['102', '202']
            then {{ code_as_raw_has_it("payload ->> 'MaHoSo'") }}
    end as dossier_code,
    {{ code_as_raw_has_it("payload ->> 'MaPAKNGoc'") }} as first_case_code,
    case
        when '002' <> all(rules) and shown_procedure ~ '^\d\.\d{6}(\.|$)'
            then {{ short_procedure_code('shown_procedure') }}
    end as procedure_code,
    -- No rule is about it.
    {{ code_as_raw_has_it("payload ->> 'MaLinhVuc'") }} as field_code,
    '011' = any(rules) as is_agency_accused,
    agency_code as shown_agency_code,
    case when '011' <> all(rules) then agency_code end as agency_code,
    case when entity in ('dossier', 'feedback_case') then {{ local_moment_or_null('version') }} end as updated_at,
    case
        when not rules && array['005', '007', '009', '018']
            then cast({{ local_moment_or_null("btrim(payload ->> 'NgayTiepNhan')") }} as date)
    end as received_on,
    case
        when not rules && array['008', '009', '010']
            then cast({{ local_moment_or_null(
                "btrim(coalesce(payload ->> 'NgayKetThucXuLy', payload ->> 'NgayTraLoi'))"
            ) }} as date)
    end as ended_on,
    case
        when shown_status in ('1', '2', '3', '4', '5', '6', '7', '8', '9', '10') and '003' <> all(rules)
            then cast(shown_status as smallint)
    end as status,
    case
        when shown_channel in ('1', '2', '3') and '004' <> all(rules)
            then cast(shown_channel as smallint)
    end as channel,
    -- What is plain of a payment, a rating, a feedback case; false only where it is plain that it is not so.
    '104' = any(rules)
    or coalesce(
        normalize(btrim(payload ->> 'HinhThuc')) not in ('Tiền mặt', 'Chuyển khoản')
        and normalize(btrim(payload ->> 'TrangThai')) not in ('Thất bại', 'Hoàn tiền'),
        true
    ) as may_be_paid_online,
    case
        when '203' <> all(rules) and btrim(payload ->> 'Diem') ~ '^[1-5]$'
            then cast(btrim(payload ->> 'Diem') as smallint)
    end as score,
    case
        when '013' <> all(rules) and btrim(payload ->> 'LoaiNoiDung') ~ '^[1-8]$'
            then cast(btrim(payload ->> 'LoaiNoiDung') as smallint)
    end as content_kind,
    '013' <> all(rules) and nullif(btrim(payload ->> 'LoaiNoiDung'), '') is null as is_without_content_kind,
    coalesce(lower(btrim(payload ->> 'ThuocThamQuyen')) in ('0', 'false'), false)
    or ('003' <> all(rules) and coalesce(btrim(payload ->> 'TrangThai') = 'tu_choi', false)) as is_out_of_count,
    nullif(btrim(payload ->> 'NgayTraLoi'), '') is null as is_without_answer,
    coalesce(btrim(payload ->> 'MucDoHaiLong') = 'khong_hai_long', false) as is_dissatisfied,
    coalesce(btrim(payload ->> 'LaHoSoThuNghiem') = '1', false) as is_test,
    coalesce(btrim(payload ->> 'DaXoa') = '1', false) as is_deleted
from rejected
