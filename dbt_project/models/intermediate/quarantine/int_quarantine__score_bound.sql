-- The Decision 766 scores out of the bounds of what their parts are made of: each part at its lowest and at its
-- highest, and, where its denominator could be empty, without anything to count. The lowest and highest share of points
-- over all combinations of the parts (three at most) count.
with

moved as (
    select
        bound.*,
        part.score_code,
        part.part_code
    from (
        select
            period_id,
            org_view,
            agency_code,
            field_code,
            metric_code,
            value_lowest,
            value_highest,
            may_be_empty,
            dossiers
        from {{ ref('int_quarantine__bound') }}
        union all
        select
            fee.period_id,
            fee.org_view,
            fee.agency_code,
            fee.field_code,
            fee.metric_code,
            fee.value_lowest,
            fee.value_highest,
            false as may_be_empty,
            fee.dossiers
        from {{ ref('int_quarantine__fee_procedure_bound') }} as fee
        {{ of_moved_cells('int_quarantine__moved', 'fee') }}
    ) as bound
    inner join {{ ref('score_766_part_definition') }} as part on bound.metric_code = part.source_metric
    inner join {{ ref('int_period__period') }} as period on bound.period_id = period.period_id
    where period.period_convention = 'calendar'
),

score as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        score_code,
        max(dossiers) as dossiers
    from moved
    group by period_id, org_view, agency_code, field_code, score_code
),

configured as (
    select count(*) > 0 as feedback
    from {{ ref('stg_platform__source') }}
    where source_kind = 'feedback_api' and is_listed
),

part as (
    select
        score.*,
        definition.part_code,
        definition.maximum,
        definition.full_at,
        definition.when_empty,
        cast(
            row_number() over (
                partition by score.period_id, score.org_view, score.agency_code, score.field_code, score.score_code
                order by definition.part_code
            ) as int
        ) as place,
        moved.part_code is not null as is_moved,
        moved.value_lowest,
        moved.value_highest,
        coalesce(moved.may_be_empty, false) as may_be_empty,
        -- One that does not move: as it stands, or, where the score does not stand yet, as one with nothing to count.
        case
            when standing.part_code is not null then standing.points
            when definition.when_empty = 'zero' then 0
            when definition.when_empty = 'full' and score.field_code = '*' and configured.feedback
                then definition.maximum
        end as points,
        coalesce(standing.denominator > 0, false) as has_something
    from score
    inner join {{ ref('score_766_part_definition') }} as definition on score.score_code = definition.score_code
    cross join configured
    left join moved
        on
            score.period_id = moved.period_id
            and score.org_view = moved.org_view
            and score.agency_code = moved.agency_code
            and score.field_code = moved.field_code
            and definition.part_code = moved.part_code
    left join {{ ref('int_metric__score_part') }} as standing
        on
            score.period_id = standing.period_id
            and score.org_view = standing.org_view
            and score.agency_code = standing.agency_code
            and score.field_code = standing.field_code
            and definition.part_code = standing.part_code
),

-- What each part could bring: points, of how many, and whether it has something to count.
choice as (
    select
        part.*,
        option.brought,
        option.out_of,
        option.is_counted
    from part
    cross join
        lateral (
            values
            (
                part.is_moved,
                {{ score_766_points('part.value_lowest', '1', 'part.maximum', 'part.full_at') | indent(16) }},
                part.maximum,
                true
            ),
            (
                part.is_moved,
                {{ score_766_points('part.value_highest', '1', 'part.maximum', 'part.full_at') | indent(16) }},
                part.maximum,
                true
            ),
            (
                part.is_moved and part.may_be_empty,
                case part.when_empty when 'full' then part.maximum else 0 end,
                case part.when_empty when 'left_out' then 0 else part.maximum end,
                false
            ),
            (
                not part.is_moved,
                coalesce(part.points, 0),
                case when part.points is null then 0 else part.maximum end,
                part.has_something and part.points is not null
            )
        ) as option (is_open, brought, out_of, is_counted)
    where option.is_open
),

combined as (
    select
        one.period_id,
        one.org_view,
        one.agency_code,
        one.field_code,
        one.score_code,
        one.dossiers,
        one.brought + coalesce(two.brought, 0) + coalesce(three.brought, 0) as points,
        one.out_of + coalesce(two.out_of, 0) + coalesce(three.out_of, 0) as out_of
    from choice as one
    left join choice as two
        on
            two.place = 2
            and one.period_id = two.period_id
            and one.org_view = two.org_view
            and one.agency_code = two.agency_code
            and one.field_code = two.field_code
            and one.score_code = two.score_code
    left join choice as three
        on
            three.place = 3
            and one.period_id = three.period_id
            and one.org_view = three.org_view
            and one.agency_code = three.agency_code
            and one.field_code = three.field_code
            and one.score_code = three.score_code
    where
        one.place = 1
        and (one.is_counted or coalesce(two.is_counted, false) or coalesce(three.is_counted, false))
),

ranged as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        score_code,
        dossiers,
        min(points / nullif(out_of, 0)) as value_lowest,
        max(points / nullif(out_of, 0)) as value_highest
    from combined
    group by period_id, org_view, agency_code, field_code, score_code, dossiers
)

select
    ranged.period_id,
    ranged.org_view,
    ranged.agency_code,
    ranged.field_code,
    ranged.score_code as metric_code,
    true as is_rate,
    figure.numerator / nullif(figure.denominator, 0) as value,
    ranged.value_lowest,
    ranged.value_highest,
    ranged.dossiers
from ranged
left join {{ ref('int_metric__score_figure') }} as figure
    on
        ranged.period_id = figure.period_id
        and ranged.org_view = figure.org_view
        and ranged.agency_code = figure.agency_code
        and ranged.field_code = figure.field_code
        and ranged.score_code = figure.metric_code
