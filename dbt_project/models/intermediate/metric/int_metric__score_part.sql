-- The parts of the Decision 766 scores: points, and why a part has none. A score exists where one of its parts has
-- something to count; its other parts are then zero, full or left out, as the seed says. Parts that exist for the
-- province alone, or for all fields together, are left out elsewhere.
{%- set families = ['dossier', 'portal', 'feedback', 'procedure'] %}
with

configured as (
    select
        coalesce(bool_or(source_kind in ('one_stop_api', 'one_stop_sql', 'portal_export')), false) as dossier,
        coalesce(bool_or(source_kind = 'portal_export'), false) as portal,
        coalesce(bool_or(source_kind = 'feedback_api'), false) as feedback
    from {{ ref('stg_platform__source') }}
    where is_listed
),

figure as (
    {% for family in families %}
        select
            period_id,
            org_view,
            agency_code,
            field_code,
            metric_code as source_metric,
            numerator,
            denominator
        from {{ ref('int_metric__' ~ family ~ '_figure') }}
        where metric_code in (select part.source_metric from {{ ref('score_766_part_definition') }} as part)
        union all
    {% endfor %}
    select
        fee.period_id,
        org_view,
        '{{ var("province_code") }}' as agency_code,
        '*' as field_code,
        ratio.source_metric,
        cast(ratio.numerator as numeric) as numerator,
        cast(fee.with_fee as numeric) as denominator
    from {{ ref('int_metric__fee_procedure') }} as fee
    cross join (values ('as_was'), ('as_is')) as view (org_view)
    cross join
        lateral (
            values
            ('fee_procedures_paid_online', fee.paid_online),
            ('fee_procedures_used', fee.used)
        ) as ratio (source_metric, numerator)
),

counted as (
    select
        figure.*,
        part.score_code,
        part.part_code
    from figure
    inner join {{ ref('int_period__period') }} as period on figure.period_id = period.period_id
    inner join {{ ref('score_766_part_definition') }} as part on figure.source_metric = part.source_metric
    where period.period_convention = 'calendar' and figure.denominator <> 0
),

score as (
    select distinct
        period_id,
        org_view,
        agency_code,
        field_code,
        score_code
    from counted
),

judged as (
    select
        score.period_id,
        score.org_view,
        score.agency_code,
        score.field_code,
        score.score_code,
        part.part_code,
        part.maximum,
        part.full_at,
        part.when_empty,
        counted.numerator,
        counted.denominator,
        case
            when counted.denominator is not null then null
            when part.exists_at <> 'everywhere' and score.field_code <> '*' then 'for_all_fields_only'
            when part.exists_at = 'province' and score.agency_code <> '{{ var("province_code") }}'
                then 'for_the_province_only'
            when part.source_kind = 'dossier' and not configured.dossier then 'no_source'
            when part.source_kind = 'portal' and not configured.portal then 'no_source'
            when part.source_kind = 'feedback' and not configured.feedback then 'no_source'
            when part.when_empty = 'left_out' then 'nothing_to_count'
        end as reason
    from score
    inner join {{ ref('score_766_part_definition') }} as part on score.score_code = part.score_code
    cross join configured
    left join counted
        on
            score.period_id = counted.period_id
            and score.org_view = counted.org_view
            and score.agency_code = counted.agency_code
            and score.field_code = counted.field_code
            and part.part_code = counted.part_code
)

select
    period_id,
    org_view,
    agency_code,
    field_code,
    score_code,
    part_code,
    case
        when reason is not null then null
        when denominator is not null
            then {{ score_766_points('numerator', 'denominator', 'maximum', 'full_at') }}
        when when_empty = 'full' then maximum
        else 0
    end as points,
    maximum,
    full_at,
    coalesce(numerator, 0) as numerator,
    coalesce(denominator, 0) as denominator,
    reason
from judged
-- By field only what is counted there.
where field_code = '*' or reason is null
order by period_id
