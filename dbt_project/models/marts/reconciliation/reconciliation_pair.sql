{{ config(
    materialized='incremental',
    on_schema_change='fail',
    pre_hook=[
        "{{ forget_changed('dossier_group', 'int_reconciliation__explained') }}",
        "{{ join_by_hash() }}",
        "{{ coarse_statistics() }}",
    ],
    indexes=[
        {'columns': ['dossier_group'], 'unique': true},
        {'columns': ['place_id', 'result']},
    ],
) }}

-- Both sides' values, dossier by dossier, without what grows with the days and who must act (reconciliation_dossier has
-- that too). The unit is the one that resolves the dossier here, else the one that the portal names.
select
    pair.dossier_group,
    coalesce(pair.here_code, pair.there_code) as dossier_code,
    pair.result,
    cause.result is not null as is_difference,
    pair.has_status_conflict,
    pair.has_date_conflict,
    pair.has_received_conflict,
    pair.has_appointment_conflict,
    pair.has_finished_conflict,
    pair.has_unit_conflict,
    cause.likely_cause,
    coalesce(word.is_pending, false) as is_pending,
    cause.counterpart_code,
    cause.differs_since,
    cause.delayed_from,
    cause.delayed_until,
    -- from the newest event that the portal's row shows to its Ngày đồng bộ
    cast(
        round(
            extract(
                epoch from pair.there_synchronised_at
                - case
                    when pair.there_finished_on is not null and pair.here_finished_on is not null
                        then pair.here_ended_at
                    else pair.here_received_at
                end
            ) / 3600, 1
        ) as numeric
    ) as synchronised_after_hours,
    pair.procedure_code,
    coalesce(pair.here_agency_code, pair.there_agency_code) as agency_code,
    coalesce(pair.here_place_id, pair.there_place_id) as place_id,
    pair.is_counted_here,
    pair.is_counted_there,
    pair.is_test,
    pair.here_state,
    pair.here_source_id,
    pair.here_code,
    pair.here_status,
    pair.here_received_on,
    pair.here_appointment_on,
    pair.here_finished_on,
    pair.here_agency_code,
    pair.here_updated_at,
    cause.here_since,
    pair.there_source_id,
    pair.there_code,
    pair.there_status,
    pair.there_received_on,
    pair.there_appointment_on,
    pair.there_finished_on,
    pair.there_agency_code,
    pair.there_updated_at,
    pair.there_synchronised_at,
    cause.there_since
from {{ ref('int_reconciliation__pair') }} as pair
left join {{ ref('int_reconciliation__cause') }} as cause on pair.dossier_group = cause.dossier_group
left join {{ ref('reconciliation_cause') }} as word on cause.likely_cause = word.cause
{%- if follows_change() %}
    where pair.dossier_group = {{ changed_codes('int_reconciliation__explained') }}
{%- endif %}
