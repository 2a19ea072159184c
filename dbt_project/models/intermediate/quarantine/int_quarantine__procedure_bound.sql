{{ config(pre_hook="{{ join_by_hash(always=true) }}") }}

-- Procedures offered online that are used, and used online. A procedure that uncertain dossiers touch is used without
-- them or not; lowest: it is used, but not online, as far as that could be; highest: online. A dossier whose procedure
-- nobody knows could be of one that nobody used yet, or make one used online.
with

{{ offered_procedures() }},

dossier as (
    select
        reach.site_key,
        possible.period_id,
        uncertain.procedure_code is null as is_of_any,
        offered.procedure_number,
        possible.may_be_new_online,
        possible.may_be_new_otherwise,
        false as is_here,
        false as is_offered,
        false as is_online,
        count(*) as dossiers
    from {{ ref('int_quarantine__possible') }} as possible
    inner join {{ ref('int_quarantine__uncertain') }} as uncertain on possible.dossier_key = uncertain.dossier_key
    inner join {{ ref('int_quarantine__reach') }} as reach on possible.dossier_key = reach.dossier_key
    left join offered on uncertain.procedure_code = offered.procedure_code
    where
        (possible.may_be_new_online or possible.may_be_new_otherwise)
        and (uncertain.procedure_code is null or offered.procedure_number is not null)
    group by
        reach.site_key,
        possible.period_id,
        is_of_any,
        offered.procedure_number,
        possible.may_be_new_online,
        possible.may_be_new_otherwise
    union all
    select
        reach.site_key,
        possible.period_id,
        false as is_of_any,
        offered.procedure_number,
        false as may_be_new_online,
        false as may_be_new_otherwise,
        true as is_here,
        possible.is_offered,
        possible.is_new_online as is_online,
        count(*) as dossiers
    from {{ ref('int_quarantine__possible') }} as possible
    inner join {{ ref('int_quarantine__reach') }} as reach on possible.dossier_key = reach.dossier_key
    inner join offered on possible.procedure_now = offered.procedure_code
    where possible.is_offered or possible.is_new_online
    group by
        reach.site_key,
        possible.period_id,
        offered.procedure_number,
        possible.is_offered,
        possible.is_new_online
),

touched as (
    select
        dossier.period_id,
        site.org_view,
        site.agency_code,
        site.field_code,
        dossier.procedure_number,
        coalesce(bool_or(dossier.may_be_new_online and site.may_be_here), false) as may_be_online,
        coalesce(bool_or(dossier.may_be_new_otherwise and site.may_be_here), false) as may_be_otherwise,
        coalesce(bool_or(dossier.is_here and not dossier.is_online), false) as is_otherwise,
        coalesce(sum(dossier.dossiers) filter (where dossier.is_here and dossier.is_offered), 0) as offered_now,
        coalesce(sum(dossier.dossiers) filter (where dossier.is_here and dossier.is_online), 0) as online_now
    from dossier
    inner join {{ ref('int_quarantine__site') }} as site on dossier.site_key = site.site_key
    where not dossier.is_of_any and case when dossier.is_here then site.is_here else site.may_be_here end
    group by dossier.period_id, site.org_view, site.agency_code, site.field_code, dossier.procedure_number
),

of_any as (
    select
        dossier.period_id,
        site.org_view,
        site.agency_code,
        site.field_code,
        coalesce(sum(dossier.dossiers) filter (where dossier.may_be_new_online), 0) as may_be_online,
        coalesce(sum(dossier.dossiers) filter (where dossier.may_be_new_otherwise), 0) as may_be_otherwise
    from dossier
    inner join {{ ref('int_quarantine__site') }} as site on dossier.site_key = site.site_key
    where dossier.is_of_any and site.may_be_here
    group by dossier.period_id, site.org_view, site.agency_code, site.field_code
),

used as (
    select
        touched.period_id,
        touched.org_view,
        touched.agency_code,
        touched.field_code,
        touched.procedure_number,
        sum(month.offered_dossiers) as offered,
        sum(month.online_dossiers) as online
    from touched
    inner join {{ ref('int_agency__unit_places') }} as unit
        on touched.org_view = unit.org_view and touched.agency_code = unit.agency_code
    inner join {{ ref('int_agency__place_set') }} as member on unit.place_set_id = member.place_set_id
    inner join {{ ref('int_period__month') }} as part on touched.period_id = part.period_id and part.is_within
    inner join {{ ref('int_metric__used_procedure') }} as month
        on
            member.place_id = month.place_id
            and part.period_convention = month.period_convention
            and part.month_index = month.month_index
            and touched.procedure_number = month.procedure_number
            and (touched.field_code = '*' or touched.field_code = month.field_code)
    where {{ where_anything_is_uncertain() }}
    group by
        touched.period_id, touched.org_view, touched.agency_code, touched.field_code, touched.procedure_number
),

procedure as (
    select
        touched.period_id,
        touched.org_view,
        touched.agency_code,
        touched.field_code,
        touched.may_be_online or touched.online_now > 0 as may_be_online,
        touched.may_be_otherwise or touched.is_otherwise as may_be_otherwise,
        coalesce(used.offered, 0) > 0 as is_used,
        coalesce(used.offered > 0 and used.online > 0, false) as is_online,
        coalesce(used.offered, 0) - touched.offered_now > 0 as is_used_anyway,
        coalesce(used.offered - touched.offered_now > 0 and used.online - touched.online_now > 0, false)
            as is_online_anyway
    from touched
    left join used using (period_id, org_view, agency_code, field_code, procedure_number)
),

moved as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        count(*) as procedures,
        count(*) filter (where is_used) as used,
        count(*) filter (where is_online) as online,
        count(*) filter (where is_online_anyway) as lowest_online,
        count(*) filter (where is_used_anyway or may_be_otherwise) as lowest_used,
        count(*) filter (where is_online_anyway or may_be_online) as highest_online,
        count(*) filter (where is_used_anyway or may_be_online) as highest_used
    from procedure
    group by period_id, org_view, agency_code, field_code
),

cell as (
    select
        period_id,
        org_view,
        agency_code,
        field_code,
        coalesce(figure.used, 0) as used,
        coalesce(figure.used_online, 0) as online,
        coalesce(figure.used, 0) - coalesce(moved.used, 0) as others_used,
        coalesce(figure.used_online, 0) - coalesce(moved.online, 0) as others_online,
        coalesce(moved.lowest_online, 0) as lowest_online,
        coalesce(moved.lowest_used, 0) + coalesce(of_any.may_be_otherwise, 0) as lowest_used,
        coalesce(moved.highest_online, 0) + coalesce(of_any.may_be_online, 0) as highest_online,
        coalesce(moved.highest_used, 0) as highest_used,
        coalesce(moved.procedures, 0) + greatest(of_any.may_be_online, of_any.may_be_otherwise, 0) as touched
    from moved
    full join of_any using (period_id, org_view, agency_code, field_code)
    left join {{ ref('int_metric__online_procedure') }} as figure using (period_id, org_view, agency_code, field_code)
)

select
    period_id,
    org_view,
    agency_code,
    field_code,
    'online_procedure_rate' as metric_code,
    cast(online as numeric) / nullif(used, 0) as value,
    coalesce(
        cast(others_online + lowest_online as numeric) / nullif(others_used + lowest_used, 0), 1
    ) as value_lowest,
    coalesce(
        cast(others_online + highest_online as numeric)
        / nullif(greatest(others_used + highest_used, others_online + highest_online), 0),
        0
    ) as value_highest,
    touched as dossiers
from cell
