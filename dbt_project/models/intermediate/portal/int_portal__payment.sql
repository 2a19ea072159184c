{{ config(
    materialized='incremental',
    pre_hook="{{ forget_changed('dossier_code') }}",
    indexes=[{'columns': ['dossier_code']}, {'columns': ['dossier_group']}],
) }}

-- The portal's payments: one row per transaction, as the latest of the files in force shows it. A transaction paid back
-- later is then no payment any more. A portal that is no longer in province.yml speaks only where no other one does.
with

latest as (
    select distinct on (payment.transaction_code)
        payment.transaction_code,
        payment.source_id,
        payment.file_id,
        payment.row_number,
        payment.dossier_code,
        payment.payment_method = 'online' and payment.payment_status = 'successful' as is_paid_online
    from {{ ref('stg_portal__payment') }} as payment
    inner join {{ ref('int_portal__file') }} as file on payment.file_id = file.file_id and file.is_current
    -- A row that came back from quarantine is known from then on.
    inner join {{ ref('int_build__moment') }} as moment on coalesce(payment.replayed_at <= moment.known_at, true)
    left join {{ ref('stg_platform__source') }} as origin on payment.source_id = origin.source_id
    {%- if follows_change() %}
    -- all rows of these transactions: another one may speak than the one that names the changed code
        where
            payment.transaction_code = any(array(
                select named.transaction_code
                from {{ ref('stg_portal__payment') }} as named
                where named.dossier_code = {{ changed_codes() }}
            ))
    {%- endif %}
    order by
        payment.transaction_code asc,
        coalesce(origin.is_listed, false) desc,
        file.delivery_order desc,
        payment.row_number desc
)

select
    latest.transaction_code,
    latest.source_id,
    latest.file_id,
    latest.row_number,
    latest.dossier_code,
    coalesce(link.dossier_group, latest.dossier_code) as dossier_group,
    latest.is_paid_online
from latest
left join {{ ref('int_dossier__link') }} as link on latest.dossier_code = link.dossier_code
{%- if follows_change() %}
    where latest.dossier_code = {{ changed_codes() }}
{%- endif %}
