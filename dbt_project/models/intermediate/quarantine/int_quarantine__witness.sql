{{ config(pre_hook="{{ join_by_hash(always=true) }}") }}

-- Rejected rows of the portal's files that say something of a dossier that counts, though they do not speak for it: a
-- payment, a rating, a dossier beside its one-stop copy. Without a code that can be read nobody knows which dossier it
-- is: any. may_be_for, may_be_against: what the dossier could become to the metric that is about such rows.
with

in_force as (
    select distinct held.rejected_id
    from {{ ref('stg_quarantine__file') }} as held
    inner join {{ ref('int_portal__file') }} as file on held.file_id = file.file_id and file.is_current
),

about as (
    select
        rejected.*,
        case when rejected.entity = 'dossier' then rejected.record_code else rejected.dossier_code end as about_code
    from {{ ref('int_quarantine__open') }} as rejected
    inner join in_force on rejected.rejected_id = in_force.rejected_id
    inner join {{ ref('stg_platform__source') }} as origin on rejected.source_id = origin.source_id
    where
        rejected.entity in ('payment', 'rating', 'dossier')
        and origin.source_kind = 'portal_export'
)

select
    about.rejected_id,
    about.entity,
    coalesce(uncertain.dossier_key, counted.dossier_code) as dossier_key,
    counted.dossier_code,
    about.about_code is null as is_about_any,
    case about.entity
        when 'payment' then about.may_be_paid_online
        when 'rating' then coalesce(about.score >= 4, true)
        else true
    end as may_be_for,
    case about.entity
        -- A payment that comes after one that counted: paid back.
        when 'payment' then about.record_code is null or paid.transaction_code is not null
        when 'rating' then coalesce(about.score < 4, true)
        else true
    end as may_be_against
from about
left join {{ ref('int_dossier__link') }} as link on about.about_code = link.dossier_code
left join {{ ref('int_dossier__counted') }} as counted
    on
        coalesce(link.dossier_group, about.about_code) = counted.dossier_group
        -- A portal's row speaks for a dossier that only the portal has; its own rating comes before the portal's.
        and not (about.entity = 'dossier' and counted.is_portal)
        and not (about.entity = 'rating' and counted.rating is not null)
left join {{ ref('int_quarantine__uncertain') }} as uncertain on counted.dossier_code = uncertain.counted_code
left join {{ ref('int_portal__payment') }} as paid
    on about.entity = 'payment' and about.record_code = paid.transaction_code and paid.is_paid_online
where counted.dossier_code is not null or about.about_code is null
