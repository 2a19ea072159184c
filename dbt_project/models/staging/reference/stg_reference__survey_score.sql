select
    row_number,
    survey_code,
    agency_code,
    cast(year as int) as year,
    cast(score as numeric) as score,
    cast(max_score as numeric) as max_score
from ({{ newest_reference('survey_score') }}) as survey_score
