-- Every rejected row as far as it can be read without opening what is sealed: its code, unit, dates, status, channel.
-- What a broken rule accuses is not known: it stands here as null. Rules of one number mean the same in every family.
with

rejected as (
    select
        *,
        array(select substr(rule_id, 4) from unnest(rule_ids) as broken (rule_id)) as rules,
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
    case when '001' <> all(rules) then key_code end as record_code,
    upper(nullif(btrim(payload ->> 'MaHoSoKhac'), '')) as other_code,
    agency_code as shown_agency_code,
    case when '011' <> all(rules) then agency_code end as agency_code,
    case when entity = 'dossier' then {{ local_moment_or_null('version') }} end as updated_at,
    case
        when not rules && array['005', '007', '009', '018']
            then cast({{ local_moment_or_null("btrim(payload ->> 'NgayTiepNhan')") }} as date)
    end as received_on,
    case
        when not rules && array['008', '009', '010']
            then cast({{ local_moment_or_null("btrim(payload ->> 'NgayKetThucXuLy')") }} as date)
    end as ended_on,
    case
        when shown_status in ('1', '2', '3', '4', '5', '6', '7', '8', '9', '10') and '003' <> all(rules)
            then cast(shown_status as smallint)
    end as status,
    case
        when shown_channel in ('1', '2', '3') and '004' <> all(rules)
            then cast(shown_channel as smallint)
    end as channel,
    coalesce(btrim(payload ->> 'LaHoSoThuNghiem') = '1', false) as is_test,
    coalesce(btrim(payload ->> 'DaXoa') = '1', false) as is_deleted
from rejected
