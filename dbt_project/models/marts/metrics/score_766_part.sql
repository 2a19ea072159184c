-- Asked for one unit's points: without the index each looks at all.
{{ config(indexes=[{'columns': ['agency_code', 'period_convention', 'period']}]) }}

select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    part.org_view,
    part.agency_code,
    part.field_code,
    part.score_code,
    part.part_code,
    definition.name_vi as part_name_vi,
    definition.name_en as part_name_en,
    part.points,
    part.maximum,
    part.numerator,
    part.denominator,
    part.reason
from {{ ref('int_metric__score_part') }} as part
inner join {{ ref('int_period__period') }} as period on part.period_id = period.period_id
inner join {{ ref('score_766_part_definition') }} as definition on part.part_code = definition.part_code
