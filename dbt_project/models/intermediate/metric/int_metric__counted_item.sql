{{ config(materialized='view') }}

-- What the figures count that are no sums over dossiers: feedback cases, procedures, communes, rows of reference
-- files. One row per item, metric and view in which it counts, with the units that it counts for (its own first) and
-- what it brings to numerator and denominator, by the metrics' own definitions. To be read for one period. A figure's
-- list is the rows whose units name its unit; it is the sum over them.
with

{{ feedback_shown() }},

feedback_case as (
    select
        period_id,
        case_code,
        source_id,
        batch_id,
        row_number,
        chain_as_was,
        chain_as_is,
        {{ feedback_measures_of_case() | indent(8) }}
    from shown
),

{{ announcements_judged() }},

catalogue as (
    select
        period.period_id,
        span.procedure_code,
        {{ catalogue_measures_of_procedure() | indent(8) }}
    from {{ ref('int_period__period') }} as period
    inner join {{ ref('int_procedure__span') }} as span
        on period.period_to between span.valid_from and span.valid_to
),

{{ communes_looked_at() }},

{{ reference_rows_placed() }},

province as (
    select array['{{ var("province_code") }}'] as chain
),

item as (
    select
        feedback_case.period_id,
        figure.metric_code,
        view.org_view,
        'case' as item_kind,
        feedback_case.case_code as item_code,
        feedback_case.source_id,
        feedback_case.batch_id,
        feedback_case.row_number,
        view.chain,
        figure.numerator,
        figure.denominator
    from feedback_case
    cross join
        lateral (
            values
            {{ feedback_metric_values('feedback_case') | indent(12) }}
        ) as figure (metric_code, numerator, denominator)
    cross join
        lateral (
            values ('as_was', feedback_case.chain_as_was), ('as_is', feedback_case.chain_as_is)
        ) as view (org_view, chain)
    union all
    select
        catalogue.period_id,
        figure.metric_code,
        view.org_view,
        'procedure' as item_kind,
        catalogue.procedure_code as item_code,
        'reference' as source_id,
        cast(null as bigint) as batch_id,
        cast(null as int) as row_number,
        province.chain,
        figure.numerator,
        figure.denominator
    from catalogue
    cross join province
    cross join
        lateral (
            values
            {{ catalogue_metric_values('catalogue') | indent(12) }}
        ) as figure (metric_code, numerator, denominator)
    cross join (values ('as_was'), ('as_is')) as view (org_view)
    union all
    select
        period.period_id,
        'procedure_on_time_publication_rate' as metric_code,
        view.org_view,
        'procedure' as item_kind,
        judged.procedure_code || ' ' || judged.announced_on as item_code,
        'reference' as source_id,
        cast(null as bigint) as batch_id,
        cast(null as int) as row_number,
        province.chain,
        cast(judged.is_on_time as int) as numerator,
        1 as denominator
    from {{ ref('int_period__period') }} as period
    inner join judged on judged.announced_on between period.period_from and period.period_to
    cross join province
    cross join (values ('as_was'), ('as_is')) as view (org_view)
    union all
    select
        commune.period_id,
        'electronic_certification_unit_rate' as metric_code,
        commune.org_view,
        'commune' as item_kind,
        commune.agency_code as item_code,
        'reference' as source_id,
        cast(null as bigint) as batch_id,
        cast(null as int) as row_number,
        commune.chain,
        cast(coalesce(cell.resolved_certified > 0, false) as int) as numerator,
        1 as denominator
    from commune
    left join {{ ref('int_metric__unit_cell') }} as cell
        on
            commune.period_id = cell.period_id
            and commune.org_view = cell.org_view
            and commune.agency_code = cell.agency_code
            and cell.field_code = '*'
    union all
    select
        placed.period_id,
        placed.metric_code,
        view.org_view,
        placed.item_kind,
        placed.item_code,
        'reference' as source_id,
        cast(null as bigint) as batch_id,
        cast(null as int) as row_number,
        view.chain,
        placed.numerator,
        placed.denominator
    from placed
    cross join
        lateral (values ('as_was', placed.chain_as_was), ('as_is', placed.chain_as_is)) as view (org_view, chain)
)

select
    period_id,
    metric_code,
    org_view,
    item_kind,
    item_code,
    source_id,
    cast(batch_id as bigint) as batch_id,
    cast(row_number as int) as row_number,
    chain,
    cast(numerator as numeric) as numerator,
    cast(denominator as numeric) as denominator
from item
where numerator <> 0 or denominator <> 0
