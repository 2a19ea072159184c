{%- set codes = 'int_reconciliation__changed' -%}
{{ config(
    materialized='incremental',
    pre_hook=[
        "{{ forget_changed('dossier_group', 'int_reconciliation__changed') }}",
        "{{ join_by_hash() }}",
        "{{ coarse_statistics() }}",
    ],
) }}

-- The province beside the portal: one row per dossier (linked codes are one) that a one-stop copy speaks for or that
-- the portal shows in a file in force. here_*: the one-stop copy that speaks (int_dossier__winner). there_*: its
-- current row on the portal: of the later file, then the later row; of a portal that is still in province.yml before
-- one that is not. Whether the two differ is decided here and nowhere else; docs/reconciliation.md has the readings.
with

there as (
    select distinct on (coalesce(link.dossier_group, version.dossier_code))
        coalesce(link.dossier_group, version.dossier_code) as dossier_group,
        version.source_id,
        version.dossier_code,
        version.file_id,
        version.batch_id,
        version.row_number,
        version.updated_at,
        version.synchronised_at,
        version.procedure_code,
        version.agency_code,
        version.status,
        version.received_at,
        cast(version.received_at as date) as received_on,
        cast(version.shown_appointment_at as date) as shown_appointment_on,
        cast(case when version.status in (7, 9, 10) then version.ended_at end as date) as finished_on,
        version.status not in (1, 3) as is_counted
    from {{ ref('int_dossier__version') }} as version
    left join {{ ref('int_dossier__link') }} as link on version.dossier_code = link.dossier_code
    left join {{ ref('stg_platform__source') }} as origin on version.source_id = origin.source_id
    where
        version.is_portal
        and version.is_current
        {%- if follows_change() %}
            and version.dossier_code = {{ changed_codes(codes) }}
        {%- endif %}
    order by
        coalesce(link.dossier_group, version.dossier_code) asc,
        coalesce(origin.is_listed, false) desc,
        version.delivery_order desc,
        version.row_number desc
),

here as (
    select
        winner.dossier_group,
        version.source_id,
        version.dossier_code,
        version.batch_id,
        version.row_number,
        version.updated_at,
        version.procedure_code,
        version.agency_code,
        version.status,
        version.submitted_at,
        version.received_at,
        version.ended_at,
        version.returned_at,
        cast(version.first_appointment_at as date) as first_appointment_on,
        version.receiving_agency_code,
        version.is_test,
        cast(version.received_at as date) as received_on,
        cast(version.shown_appointment_at as date) as shown_appointment_on,
        cast(case when version.status in (7, 9, 10) then version.ended_at end as date) as finished_on,
        version.status not in (1, 3) and not version.is_test as is_counted
    from {{ ref('int_dossier__winner') }} as winner
    inner join {{ ref('int_dossier__version') }} as version
        on
            winner.batch_id = version.batch_id
            and winner.row_number = version.row_number
    where
        not winner.is_portal
        and not version.is_portal
        {%- if follows_change() %}
            and winner.dossier_group = {{ changed_codes(codes) }}
            and version.dossier_code = {{ changed_codes(codes) }}
        {%- endif %}
),

-- Dossiers of which a one-stop system had a copy that speaks no more: deleted, or of a source taken out of the file.
once_here as (
    select
        coalesce(link.dossier_group, version.dossier_code) as dossier_group,
        max(version.updated_at) filter (where version.is_deleted) as deleted_at
    from {{ ref('int_dossier__version') }} as version
    left join {{ ref('int_dossier__link') }} as link on version.dossier_code = link.dossier_code
    left join {{ ref('stg_platform__source') }} as origin on version.source_id = origin.source_id
    where
        not version.is_portal
        and version.is_current
        and (version.is_deleted or not coalesce(origin.is_listed, false))
        {%- if follows_change() %}
            and version.dossier_code = {{ changed_codes(codes) }}
        {%- endif %}
    group by coalesce(link.dossier_group, version.dossier_code)
),

-- Without any export of the portal there is nothing to compare with.
export as (
    select count(*) > 0 as has_portal
    from {{ ref('int_portal__file') }}
    where is_current and entity = 'dossier'
),

paired as (
    select
        export.has_portal,
        coalesce(here.dossier_group, there.dossier_group) as dossier_group,
        case
            when here.dossier_group is not null then 'present'
            when once_here.dossier_group is not null then 'deleted'
            else 'none'
        end as here_state,
        coalesce(here.is_counted, false) as is_counted_here,
        coalesce(there.is_counted, false) as is_counted_there,
        coalesce(here.is_test, false) as is_test,
        coalesce(here.procedure_code, there.procedure_code) as procedure_code,
        here.source_id as here_source_id,
        here.dossier_code as here_code,
        here.batch_id as here_batch_id,
        here.row_number as here_row_number,
        here.updated_at as here_updated_at,
        here.status as here_status,
        here.received_on as here_received_on,
        here.shown_appointment_on as here_appointment_on,
        here.finished_on as here_finished_on,
        here.submitted_at as here_submitted_at,
        here.received_at as here_received_at,
        here.ended_at as here_ended_at,
        here.returned_at as here_returned_at,
        here.first_appointment_on as here_first_appointment_on,
        once_here.deleted_at as here_deleted_at,
        here.receiving_agency_code as here_receiving_agency_code,
        here.agency_code as here_agency_code,
        here_place.place_id as here_place_id,
        there.source_id as there_source_id,
        there.dossier_code as there_code,
        there.file_id as there_file_id,
        there.batch_id as there_batch_id,
        there.row_number as there_row_number,
        there.updated_at as there_updated_at,
        there.synchronised_at as there_synchronised_at,
        there.status as there_status,
        there.received_at as there_received_at,
        there.received_on as there_received_on,
        there.shown_appointment_on as there_appointment_on,
        there.finished_on as there_finished_on,
        there.agency_code as there_agency_code,
        there_place.place_id as there_place_id,
        -- Compared where both sides have it; a test dossier is as if not here.
        coalesce(here.dossier_group = there.dossier_group and not here.is_test, false) as is_compared,
        -- Dates and units, where both sides count it.
        coalesce(here.is_counted and there.is_counted, false) as are_counted,
        -- A unit that was merged is its successor.
        coalesce(here.agency_code <> there.agency_code, false)
        and (here_place.current_agency_code is distinct from there_place.current_agency_code) as have_other_units
    from here
    full join there on here.dossier_group = there.dossier_group
    left join once_here on there.dossier_group = once_here.dossier_group
    cross join export
    cross join {{ ref('int_build__moment') }} as moment
    left join {{ ref('int_agency__place') }} as here_place
        on
            here.agency_code = here_place.agency_code
            and coalesce(here.received_on, moment.known_on) between here_place.received_from and here_place.received_to
    left join {{ ref('int_agency__place') }} as there_place
        on
            there.agency_code = there_place.agency_code
            and coalesce(there.received_on, moment.known_on)
            between there_place.received_from and there_place.received_to
),

judged as (
    select
        *,
        is_compared
        and ({{ status_stage('here_status') }} <> {{ status_stage('there_status') }}) as has_status_conflict,
        are_counted and (here_received_on is distinct from there_received_on) as has_received_conflict,
        are_counted and (here_appointment_on is distinct from there_appointment_on) as has_appointment_conflict,
        -- null where one of them is not resolved: that is a conflict of status
        are_counted and coalesce(here_finished_on <> there_finished_on, false) as has_finished_conflict,
        are_counted and have_other_units as has_unit_conflict
    from paired
)

select
    *,
    has_received_conflict or has_appointment_conflict or has_finished_conflict as has_date_conflict,
    case
        when there_code is null and not (is_counted_here and has_portal) then 'not_expected'
        when there_code is null then 'only_here'
        when not is_compared then 'only_there'
        when has_status_conflict then 'status_conflict'
        when has_received_conflict or has_appointment_conflict or has_finished_conflict then 'date_conflict'
        when has_unit_conflict then 'unit_conflict'
        else 'matched'
    end as result
from judged
{%- if follows_change() %}
-- After {{ ref('int_reconciliation__left') }} has taken over what the bridge counted for them.
{%- endif %}
