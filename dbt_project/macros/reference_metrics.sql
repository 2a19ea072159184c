{#-
    Common table expressions: the rows of the optional reference files that a period counts, with what each brings to its
    metric, and the units that it belongs to in both views. For the figures and for the lists behind them.
-#}
{% macro reference_rows_placed() -%}
reference_period as (
    select
        period_id,
        period_to,
        first_month,
        last_month
    from {{ ref('int_period__period') }}
),

-- The latest count up to the last day, of the units that exist on it.
certificate as (
    select distinct on (period.period_id, counted.agency_code)
        period.period_id,
        counted.agency_code,
        'certificate_count' as item_kind,
        concat_ws(' ', counted.agency_code, counted.as_of) as item_code,
        period.period_to as placed_on,
        period.period_to as named_on,
        'digital_certificate_rate' as metric_code,
        counted.issued as numerator,
        counted.required as denominator
    from reference_period as period
    inner join {{ ref('stg_reference__staff_certificate') }} as counted on period.period_to >= counted.as_of
    inner join {{ ref('int_agency__span') }} as unit
        on counted.agency_code = unit.agency_code and period.period_to between unit.valid_from and unit.valid_to
    order by period.period_id asc, counted.agency_code asc, counted.as_of desc, counted.row_number desc
),

-- Calendar months that the period names, in the statutory convention too.
signature as (
    select
        period.period_id,
        document.agency_code,
        'document_month' as item_kind,
        concat_ws(' ', document.agency_code, to_char(document.month_from, 'YYYY-MM')) as item_code,
        document.month_from as placed_on,
        document.month_from as named_on,
        'digital_signature_rate' as metric_code,
        document.digitally_signed as numerator,
        document.issued as denominator
    from reference_period as period
    inner join {{ ref('stg_reference__document_statistic') }} as document
        on
            {{ month_index('document.month_from', "'calendar'") | indent(12) }}
            between period.first_month and period.last_month
),

point as (
    select
        period.period_id,
        point.agency_code,
        point.point_code,
        period.period_to as placed_on,
        coalesce(point.valid_from, '-infinity') as named_on,
        coalesce(point.has_queue_machine and point.has_lookup_kiosk and point.has_online_help_desk, false)
            as is_equipped
    from reference_period as period
    inner join {{ ref('stg_reference__one_stop_point') }} as point
        on
            period.period_to between coalesce(point.valid_from, '-infinity') and coalesce(point.valid_to, 'infinity')
),

-- Per survey and unit the latest year up to that of the last day.
survey as (
    select distinct on (period.period_id, scored.survey_code, scored.agency_code)
        period.period_id,
        scored.agency_code,
        'survey_score' as item_kind,
        concat_ws(' ', scored.survey_code, scored.agency_code, scored.year) as item_code,
        period.period_to as placed_on,
        make_date(scored.year, 1, 1) as named_on,
        'survey_score_rate' as metric_code,
        scored.score as numerator,
        scored.max_score as denominator
    from reference_period as period
    inner join {{ ref('stg_reference__survey_score') }} as scored
        on date_part('year', period.period_to) >= scored.year
    order by
        period.period_id asc, scored.survey_code asc, scored.agency_code asc, scored.year desc, scored.row_number desc
),

named as (
    select * from certificate
    union all
    select * from signature
    union all
    select * from survey
    union all
    select
        period_id,
        agency_code,
        'one_stop_point' as item_kind,
        point_code as item_code,
        placed_on,
        named_on,
        'one_stop_points' as metric_code,
        1 as numerator,
        null as denominator
    from point
    union all
    select
        period_id,
        agency_code,
        'one_stop_point' as item_kind,
        point_code as item_code,
        placed_on,
        named_on,
        'one_stop_equipment_rate' as metric_code,
        cast(is_equipped as int) as numerator,
        1 as denominator
    from point
),

placed as (
    select
        named.period_id,
        named.metric_code,
        named.item_kind,
        named.item_code,
        named.numerator,
        named.denominator,
        {{ place_chain('was', 'as_was', 'named.agency_code') | indent(8) }} as chain_as_was,
        {{ place_chain('become', 'as_is', 'named.agency_code') | indent(8) }} as chain_as_is
    from named
    left join {{ ref('int_agency__place') }} as was
        on named.agency_code = was.agency_code and named.placed_on between was.received_from and was.received_to
    left join {{ ref('int_agency__place') }} as become
        on named.agency_code = become.agency_code and named.named_on between become.received_from and become.received_to
)
{%- endmacro %}
