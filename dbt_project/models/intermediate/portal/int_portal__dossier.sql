-- The portal's copy of every dossier that it shows in a file in force: that of the later file, then the later row; of a
-- portal that is still in province.yml before one that is not. What the portal says, as dates.
with

shown as (
    select distinct on (coalesce(link.dossier_group, version.dossier_code))
        coalesce(link.dossier_group, version.dossier_code) as dossier_group,
        version.batch_id,
        version.row_number
    from {{ ref('int_dossier__version') }} as version
    left join {{ ref('int_dossier__link') }} as link on version.dossier_code = link.dossier_code
    left join {{ ref('stg_platform__source') }} as origin on version.source_id = origin.source_id
    where version.is_portal and version.is_current
    order by
        coalesce(link.dossier_group, version.dossier_code) asc,
        coalesce(origin.is_listed, false) desc,
        version.delivery_order desc,
        version.row_number desc
)

select
    shown.dossier_group,
    cast(delivered.received_at as date) as received_on,
    cast(delivered.shown_appointment_at as date) as shown_appointment_on,
    cast(case when delivered.status in (7, 9, 10) then delivered.ended_at end as date) as finished_on
from shown
inner join {{ ref('int_dossier__delivered') }} as delivered
    on
        shown.batch_id = delivered.batch_id
        and shown.row_number = delivered.row_number
        and delivered.is_portal
