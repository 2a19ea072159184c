{{ config(
    materialized='incremental',
    pre_hook="{{ forget_changed('dossier_code') }}",
    indexes=[{'columns': ['dossier_code']}],
) }}

-- The versions known at the build's moment: of several with one NgayCapNhat in one source, the later in the delivery.
-- A delete without a readable NgayCapNhat sorts first. Deletes are no part of a dossier's history: the first
-- appointment and the run of a status are read off the other versions alone.
-- What province and portal are compared by stands here too: the rows as delivered are taken apart once for all of it.
with

known as (
    select
        version.source_id,
        version.is_portal,
        version.file_id,
        version.dossier_code,
        version.batch_id,
        version.row_number,
        version.delivery_order,
        version.updated_at,
        version.is_deleted,
        version.status,
        version.shown_appointment_at,
        version.procedure_code,
        version.agency_code,
        version.receiving_agency_code,
        version.is_test,
        version.submitted_at,
        version.received_at,
        version.first_appointment_at,
        version.ended_at,
        version.returned_at,
        version.synchronised_at,
        lead(version.batch_id) over delivered is null as is_current,
        lead(version.updated_at) over delivered as next_updated_at
    from {{ ref('int_dossier__delivered') }} as version
    cross join {{ ref('int_build__moment') }} as moment
    where
        version.known_at <= moment.known_at
        {%- if follows_change() %}
            and version.dossier_code = {{ changed_codes() }}
        {%- endif %}
    window
        delivered as (
            partition by version.source_id, version.dossier_code
            order by version.updated_at nulls first, version.delivery_order, version.row_number
        )
),

one_per_moment as (
    select
        *,
        lag(status) over history as previous_status
    from known
    where is_current or next_updated_at is distinct from updated_at
    window
        history as (
            partition by source_id, dossier_code, is_deleted
            order by updated_at nulls first
        )
)

select
    source_id,
    is_portal,
    file_id,
    dossier_code,
    batch_id,
    row_number,
    delivery_order,
    updated_at,
    is_deleted,
    is_current,
    status,
    shown_appointment_at,
    procedure_code,
    agency_code,
    receiving_agency_code,
    is_test,
    submitted_at,
    received_at,
    first_appointment_at,
    ended_at,
    returned_at,
    synchronised_at,
    first_value(shown_appointment_at) over history as earliest_shown_appointment_at,
    max(case when status is distinct from previous_status then updated_at end) over history as status_since
from one_per_moment
window
    history as (
        partition by source_id, dossier_code, is_deleted
        order by updated_at nulls first
    )
