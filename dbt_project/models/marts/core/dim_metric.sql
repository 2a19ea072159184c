{{ config(indexes=[{'columns': ['metric_code'], 'unique': true}]) }}

select
    metric_code,
    version as metric_version,
    name_vi as metric_name_vi,
    name_en as metric_name_en,
    unit,
    direction,
    numerator,
    denominator,
    legal_basis,
    family,
    is_additive,
    conventions,
    levels,
    fields
from {{ ref('metric_definition') }}
