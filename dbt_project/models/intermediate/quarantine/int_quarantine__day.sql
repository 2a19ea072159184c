-- How long uncertain dossiers could have taken, and take now, cell by cell of those resolved with a result.
-- days_highest: of a dossier that could be there after a correction; none where its receipt is unknown.
with

dossier as (
    select
        reach.site_key,
        possible.period_id,
        possible.may_have_days,
        possible.days_highest,
        possible.days_now,
        count(*) as dossiers
    from {{ ref('int_quarantine__possible') }} as possible
    inner join {{ ref('int_quarantine__reach') }} as reach on possible.dossier_key = reach.dossier_key
    where possible.may_have_days or possible.days_now is not null
    group by
        reach.site_key, possible.period_id, possible.may_have_days, possible.days_highest, possible.days_now
),

spread as (
    select
        dossier.period_id,
        site.org_view,
        site.agency_code,
        site.field_code,
        site.may_be_here and dossier.may_have_days as may_be_here,
        case when site.may_be_here and dossier.may_have_days then dossier.days_highest end as days_highest,
        case when site.is_here then dossier.days_now end as days_now,
        dossier.dossiers
    from dossier
    inner join {{ ref('int_quarantine__site') }} as site on dossier.site_key = site.site_key
    {{ of_moved_cells('int_quarantine__moved', 'site', period_of='dossier') }}
)

select
    period_id,
    org_view,
    agency_code,
    field_code,
    may_be_here,
    days_highest,
    days_now,
    cast(sum(dossiers) as bigint) as dossiers
from spread
where may_be_here or days_now is not null
group by period_id, org_view, agency_code, field_code, may_be_here, days_highest, days_now
