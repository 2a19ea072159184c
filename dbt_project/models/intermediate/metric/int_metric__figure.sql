{{ config(materialized='view') }}

-- All figures, family by family: numerator and denominator of every metric by period, view, unit and field. A count has
-- no denominator. Rows are here where one of the two is not 0, and only for kinds of sources that are configured.
{%- set families = [
    'int_metric__form_figure',
    'int_metric__dossier_figure',
    'int_metric__portal_figure',
    'int_metric__feedback_figure',
    'int_metric__procedure_figure',
    'int_metric__reference_figure',
    'int_metric__score_figure',
] %}
{% for family in families %}
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        metric_code,
        numerator,
        denominator
    from {{ ref(family) }}
    {% if not loop.last %}union all{% endif %}
{% endfor %}
