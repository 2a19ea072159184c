-- The cells (period, view, unit, field) whose figures are not those of the build before, or whose unit has another
-- level: what is told of every metric is made anew for these alone. A cell's print is a sum over its rows in all
-- families.
{%- set families = [
    'int_metric__unit_cell',
    'int_metric__processing_percentile',
    'int_metric__online_procedure',
    'int_metric__certifying_commune',
    'int_metric__feedback_figure',
    'int_metric__procedure_figure',
    'int_metric__reference_figure',
    'int_metric__score_part',
] %}
with

shown as (
    {% for family in families %}
        select
            period_id,
            org_view,
            agency_code,
            {{ "'*' as field_code" if family == 'int_metric__certifying_commune' else 'field_code' }},
            hash_record_extended(figure, {{ loop.index }}) as print
        from {{ ref(family) }} as figure
        {% if not loop.last %}union all{% endif %}
    {% endfor %}
),

{{ moved_since('shown') }}
