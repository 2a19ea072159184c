{#-
    The points of one part of a Decision 766 score: the maximum in proportion to the ratio, all of them from `full_at` on.
    20 * progress is 20 in proportion up to 1; 2.5 * B up to 2 is 2 in proportion up to 0.8.
-#}
{% macro score_766_points(numerator, denominator, maximum, full_at) -%}
    least({{ maximum }}, {{ maximum }} * {{ numerator }} / ({{ denominator }} * {{ full_at }}))
{%- endmacro %}
