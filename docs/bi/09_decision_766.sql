-- The parts of the Decision 766 score of a quarter, and why one has no points.
select part_name_vi, points, maximum, numerator, denominator, reason
from mart.score_766_part
where
    period_convention = 'calendar' and period = '2024-Q3' and org_view = 'as_was' and agency_code = 'H15' and field_code = '*'
order by score_code, part_code;
