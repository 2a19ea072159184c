{{ config(indexes=[{'columns': ['field_code'], 'unique': true}]) }}

select
    field_code,
    field_name_vi
from {{ ref('int_field__name') }}
