-- Communes that certify copies electronically. Lowest: those whose certified copies are all of uncertain dossiers do
-- not; highest: those where an uncertain dossier could be resolved do. One that could be anywhere brings one commune.
with

{{ communes_looked_at() }},

dossier as (
    select
        reach.site_key,
        reach.source_id is not null as is_of_any,
        possible.period_id,
        possible.could_for & {{ bits_of(['resolved_total']) }} > 0 as may_certify,
        possible.is_certified,
        count(*) as dossiers
    from {{ ref('int_quarantine__possible') }} as possible
    inner join {{ ref('int_quarantine__reach') }} as reach on possible.dossier_key = reach.dossier_key
    group by reach.site_key, is_of_any, possible.period_id, may_certify, possible.is_certified
),

moved as (
    select
        dossier.period_id,
        site.org_view,
        site.agency_code,
        coalesce(bool_or(dossier.may_certify and site.may_be_here), false) as may_certify,
        coalesce(sum(dossier.dossiers) filter (where dossier.is_certified and site.is_here), 0) as certified
    from dossier
    inner join {{ ref('int_quarantine__site') }} as site on dossier.site_key = site.site_key and site.field_code = '*'
    where not dossier.is_of_any
    group by dossier.period_id, site.org_view, site.agency_code
),

judged as (
    select
        commune.period_id,
        commune.org_view,
        commune.chain,
        coalesce(cell.resolved_certified, 0) > 0 as certifies,
        coalesce(cell.resolved_certified, 0) > moved.certified as certifies_anyway,
        moved.may_certify or coalesce(cell.resolved_certified, 0) > 0 as may_certify
    from moved
    inner join commune
        on
            moved.period_id = commune.period_id
            and moved.org_view = commune.org_view
            and moved.agency_code = commune.agency_code
    left join {{ ref('int_metric__unit_cell') }} as cell
        on
            moved.period_id = cell.period_id
            and moved.org_view = cell.org_view
            and moved.agency_code = cell.agency_code
            and cell.field_code = '*'
    where {{ where_anything_is_uncertain() }}
),

unit as (
    select
        judged.period_id,
        judged.org_view,
        unit.agency_code,
        count(*) filter (where judged.certifies and not judged.certifies_anyway) as fewer,
        count(*) filter (where judged.may_certify and not judged.certifies) as more
    from judged
    cross join lateral unnest(judged.chain) as unit (agency_code)
    group by judged.period_id, judged.org_view, unit.agency_code
),

anywhere as (
    select
        period_id,
        sum(dossiers) as dossiers
    from dossier
    where is_of_any and may_certify
    group by period_id
)

select
    figure.period_id,
    figure.org_view,
    figure.agency_code,
    '*' as field_code,
    'electronic_certification_unit_rate' as metric_code,
    cast(figure.certifying as numeric) / figure.communes as value,
    cast(figure.certifying - coalesce(unit.fewer, 0) as numeric) / figure.communes as value_lowest,
    cast(
        least(figure.communes, figure.certifying + coalesce(unit.more, 0) + coalesce(anywhere.dossiers, 0)) as numeric
    ) / figure.communes as value_highest,
    coalesce(unit.fewer, 0) + coalesce(unit.more, 0) + coalesce(anywhere.dossiers, 0) as dossiers
from {{ ref('int_metric__certifying_commune') }} as figure
left join unit
    on
        figure.period_id = unit.period_id
        and figure.org_view = unit.org_view
        and figure.agency_code = unit.agency_code
left join anywhere on figure.period_id = anywhere.period_id
where
    {{ where_anything_is_uncertain() }}
    and coalesce(unit.fewer, 0) + coalesce(unit.more, 0) + coalesce(anywhere.dossiers, 0) > 0
