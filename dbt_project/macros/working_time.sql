{#-
    Working time by running totals: the working days from a to b, those d with a < d <= b, are the difference of two
    numbers, and so are the working seconds between two moments. int_time__day holds the numbers; before its first day
    no exception lies, and Monday to Friday are counted by arithmetic. 0001-01-01 was a Monday.
-#}
{% macro weekday_number(day) -%}
    (({{ day }} - date '0001-01-01') / 7 * 5 + least(({{ day }} - date '0001-01-01') % 7 + 1, 5))
{%- endmacro %}


{#- A day's number from its row in int_time__day; by arithmetic where the join found none. -#}
{% macro working_day_number(day_row, day) -%}
    coalesce({{ day_row }}.working_day_number, {{ weekday_number(day) }})
{%- endmacro %}


{#- Working seconds from the beginning of time to a moment: 07:00 to 11:30 and 13:30 to 17:00 on working days. -#}
{% macro working_seconds_until(day_row, moment) -%}
    (
        cast({{ working_day_number(day_row, 'cast(' ~ moment ~ ' as date)') }} as bigint) * 28800
        - case
            when coalesce({{ day_row }}.is_working, extract(isodow from {{ moment }}) < 6)
                then
                    28800
                    - least(greatest(extract(epoch from cast({{ moment }} as time)) - 25200, 0), 16200)
                    - least(greatest(extract(epoch from cast({{ moment }} as time)) - 48600, 0), 12600)
            else 0
        end
    )
{%- endmacro %}
