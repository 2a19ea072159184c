-- Per period, view, unit and field: the metrics that are sums over dossiers, as they stand, and how many uncertain
-- dossiers could be in the numerator, or in the denominator alone; how many of them are there now. Dossiers of one
-- site that could be the same are counted before they are spread over the site's cells.
with

alike as (
    select
        reach.site_key,
        possible.period_id,
        possible.could_for,
        possible.could_against,
        possible.stays_for,
        possible.stays_against,
        possible.is_for,
        possible.is_against,
        count(*) as dossiers
    from {{ ref('int_quarantine__possible') }} as possible
    inner join {{ ref('int_quarantine__reach') }} as reach on possible.dossier_key = reach.dossier_key
    group by
        reach.site_key,
        possible.period_id,
        possible.could_for,
        possible.could_against,
        possible.stays_for,
        possible.stays_against,
        possible.is_for,
        possible.is_against
),

spread as (
    select
        alike.period_id,
        site.org_view,
        site.agency_code,
        site.field_code,
        case when site.may_be_here then alike.could_for else 0 end
        | case when site.is_here then alike.stays_for else 0 end as could_for,
        case when site.may_be_here then alike.could_against else 0 end
        | case when site.is_here then alike.stays_against else 0 end as could_against,
        case when site.is_here then alike.is_for else 0 end as is_for,
        case when site.is_here then alike.is_against else 0 end as is_against,
        alike.dossiers
    from alike
    inner join {{ ref('int_quarantine__site') }} as site on alike.site_key = site.site_key
    {{ of_moved_cells('int_quarantine__moved', 'site', period_of='alike') }}
),

moved as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        {{ uncertain_sums() | indent(8) }}
    from spread
    where could_for <> 0 or could_against <> 0
    group by period_id, org_view, agency_code, field_code
)

select
    moved.period_id,
    moved.org_view,
    moved.agency_code,
    moved.field_code,
    figure.metric_code,
    cast(coalesce(figure.numerator, 0) as numeric) as numerator,
    cast(figure.denominator as numeric) as denominator,
    cast(coalesce(figure.could_be_for, 0) as int) as could_be_for,
    cast(coalesce(figure.is_for, 0) as int) as is_for,
    cast(coalesce(figure.could_be_against, 0) as int) as could_be_against,
    cast(coalesce(figure.is_against, 0) as int) as is_against,
    cast(figure.touched as int) as dossiers
from moved
left join {{ ref('int_metric__unit_cell') }} as cell
    on
        moved.period_id = cell.period_id
        and moved.org_view = cell.org_view
        and moved.agency_code = cell.agency_code
        and moved.field_code = cell.field_code
cross join
    lateral (
        values
        {{ uncertain_values() | indent(8) }}
    ) as figure (
        metric_code, numerator, denominator, could_be_for, is_for, could_be_against, is_against, touched
    )
where figure.touched > 0
