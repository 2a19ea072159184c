-- The portal's payments: one row per transaction, as the latest of the files in force shows it. A transaction paid back
-- later is then no payment any more. A portal that is no longer in province.yml speaks only where no other one does.
select distinct on (payment.transaction_code)
    payment.transaction_code,
    payment.source_id,
    payment.file_id,
    payment.row_number,
    payment.dossier_code,
    coalesce(link.dossier_group, payment.dossier_code) as dossier_group,
    payment.payment_method = 'online' and payment.payment_status = 'successful' as is_paid_online
from {{ ref('stg_portal__payment') }} as payment
inner join {{ ref('int_portal__file') }} as file on payment.file_id = file.file_id and file.is_current
-- A row that came back from quarantine is known from then on.
inner join {{ ref('int_build__moment') }} as moment on coalesce(payment.replayed_at <= moment.known_at, true)
left join {{ ref('int_dossier__link') }} as link on payment.dossier_code = link.dossier_code
left join {{ ref('stg_platform__source') }} as origin on payment.source_id = origin.source_id
order by
    payment.transaction_code asc,
    coalesce(origin.is_listed, false) desc,
    file.delivery_order desc,
    payment.row_number desc
