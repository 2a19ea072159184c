-- One name per field: the catalogue's newest, else that of the dossier updated last; '?' and '*' are the project's own.
with

named as (
    select
        field_code,
        field_name_vi,
        1 as preference,
        used_to as newest,
        row_number
    from {{ ref('int_procedure__span') }}
    where field_code is not null
    union all
    select
        field_code,
        field_name as field_name_vi,
        2 as preference,
        cast(max(updated_at) as date) as newest,
        null as row_number
    from {{ ref('int_dossier__counted') }}
    where field_code <> '?'
    group by field_code, field_name
    union all
    select
        own.field_code,
        own.field_name_vi,
        0 as preference,
        null as newest,
        null as row_number
    from (values ('?', 'Chưa rõ lĩnh vực'), ('*', 'Tất cả lĩnh vực')) as own (field_code, field_name_vi)
)

select distinct on (field_code)
    field_code,
    coalesce(field_name_vi, field_code) as field_name_vi
from named
order by field_code asc, (field_name_vi is null) asc, preference asc, newest desc, row_number desc, field_name_vi asc
