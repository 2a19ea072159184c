{#-
    Months as whole numbers: year * 12 + month - 1. A quarter, half or year then begins at the nearest multiple of
    3, 6 or 12 below, and an equality of numbers replaces every comparison of a date with a period's two ends.
    Statutory (Decree 09/2019, Art. 12): from day 15 on a date belongs to the next month.
-#}
{% macro month_index(day, convention) -%}
    cast(
        date_part('year', {{ day }}) * 12 + date_part('month', {{ day }}) - 1
        + case when {{ convention }} = 'statutory' and date_part('day', {{ day }}) >= 15 then 1 else 0 end
        as int
    )
{%- endmacro %}


{% macro month_first_day(month, convention) -%}
    case
        when {{ convention }} = 'calendar' then make_date({{ month }} / 12, {{ month }} % 12 + 1, 1)
        else make_date(({{ month }} - 1) / 12, ({{ month }} - 1) % 12 + 1, 15)
    end
{%- endmacro %}


{% macro month_last_day(month, convention) -%}
    case
        when {{ convention }} = 'calendar' then make_date(({{ month }} + 1) / 12, ({{ month }} + 1) % 12 + 1, 1) - 1
        else make_date({{ month }} / 12, {{ month }} % 12 + 1, 14)
    end
{%- endmacro %}
