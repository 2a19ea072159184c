{{ config(indexes=[{'columns': ['period_convention', 'period'], 'unique': true}]) }}

select
    period_convention,
    period,
    period_kind,
    period_from,
    period_to,
    is_preliminary
from {{ ref('int_period__period') }}
