{#-
    What the metrics are summed from, each written once: its name, when it happens, and which dossiers it counts (or, with
    `sum`, what of them it adds up). The columns are those of int_dossier__measure and, of the state, of the month's end.
    new: in the month of receipt. resolved: in the month of the end. state: at the end of every month in which the dossier
    is in progress. What happens adds up over the months of a period; the state is that of its last month. What a period
    carries over is the state of the month before (`carried`: the name under which it is kept).
-#}
{% macro cell_measures() -%}
    {{ return([
        {'name': 'received_online', 'when': 'new', 'where': 'channel = 2'},
        {'name': 'received_direct_postal', 'when': 'new', 'where': 'channel <> 2'},
        {'name': 'new_online_submitted', 'when': 'new', 'where': 'channel = 2 and is_submission_known'},
        {'name': 'new_in_8h', 'when': 'new', 'where': 'channel = 2 and is_received_in_8h'},
        {'name': 'new_full', 'when': 'new', 'where': 'is_full_service'},
        {'name': 'new_full_online', 'when': 'new', 'where': 'is_full_service and channel = 2'},
        {'name': 'new_digitised', 'when': 'new', 'where': 'has_digitised_papers'},
        {'name': 'new_reusing', 'when': 'new', 'where': 'reuses_digitised_data'},
        {'name': 'new_online_verified', 'when': 'new', 'where': 'channel = 2 and is_identity_verified'},
        {'name': 'new_one_stop', 'when': 'new', 'where': 'is_one_stop'},
        {'name': 'new_synced', 'when': 'new', 'where': 'is_synced'},
        {'name': 'new_intake_assumed', 'when': 'new',
            'where': 'channel = 2 and is_submission_known and not is_intake_official'},

        {'name': 'resolved_early', 'when': 'resolved', 'where': "outcome = 'early'"},
        {'name': 'resolved_on_time', 'when': 'resolved', 'where': "outcome = 'on_time'"},
        {'name': 'resolved_overdue', 'when': 'resolved', 'where': "outcome = 'overdue'"},
        {'name': 'resolved_without_due', 'when': 'resolved', 'where': 'is_without_due_date'},
        {'name': 'resolved_overdue_apologised', 'when': 'resolved',
            'where': "outcome = 'overdue' and apologised_month <= finished_month"},
        {'name': 'resolved_by_result', 'when': 'resolved', 'where': 'is_resolved_by_result'},
        {'name': 'processing_days', 'when': 'resolved', 'where': 'is_resolved_by_result',
            'sum': 'processing_working_days'},
        {'name': 'resolved_electronically', 'when': 'resolved', 'where': 'is_resolved_by_result and has_electronic_result'},
        {'name': 'resolved_processing_assumed', 'when': 'resolved', 'where': 'is_resolved_by_result and not is_official'},
        {'name': 'resolved_certified', 'when': 'resolved', 'where': 'has_certified_copy'},
        {'name': 'resolved_with_fee', 'when': 'resolved', 'where': 'has_fee_to_pay'},
        {'name': 'resolved_paid_online', 'when': 'resolved', 'where': 'has_fee_to_pay and is_paid_online'},
        {'name': 'resolved_rated', 'when': 'resolved', 'where': 'rating is not null'},
        {'name': 'resolved_satisfied', 'when': 'resolved', 'where': 'rating >= 4'},
        {'name': 'resolved_agreeing', 'when': 'resolved', 'where': 'is_agreeing and has_one_end'},

        {'name': 'in_progress_total', 'when': 'state', 'where': 'true', 'carried': 'received_carried_over'},
        {'name': 'in_progress_overdue', 'when': 'state', 'where': 'is_overdue'},
        {'name': 'suspended_total', 'when': 'state', 'where': 'is_suspended'},
        {'name': 'in_progress_overdue_apologised', 'when': 'state', 'where': 'is_overdue and is_apologised'},
        {'name': 'in_progress_one_stop', 'when': 'state', 'where': 'is_one_stop', 'carried': 'carried_one_stop'},
        {'name': 'in_progress_synced', 'when': 'state', 'where': 'is_synced', 'carried': 'carried_synced'},
        {'name': 'in_progress_agreeing', 'when': 'state', 'where': 'is_agreeing and not is_ended_on_portal'},
    ]) }}
{%- endmacro %}


{#- The columns of a period's cell: the measures, and what was carried over. -#}
{% macro period_measures() -%}
    {%- set names = cell_measures() | map(attribute='name') | list -%}
    {%- set carried = cell_measures() | selectattr('carried', 'defined') | map(attribute='carried') | list -%}
    {{ return(names + carried) }}
{%- endmacro %}


{#- Columns of a month's cell: what the dossiers of one event (new, resolved, state) bring; the rest is 0. -#}
{% macro measures_of(event) -%}
    {%- for measure in cell_measures() -%}
    {%- if measure.when != event -%}
    0 as {{ measure.name }}
    {%- else -%}
    {{ counted_dossiers(measure.where, measure.sum) }} as {{ measure.name }}
    {%- endif -%}
    {{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#- The events of a month put together. -#}
{% macro measures_summed() -%}
    {%- for measure in cell_measures() -%}
    sum({{ measure.name }}) as {{ measure.name }}
    {{- '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#- Months put together to a period: cells of `cell`, joined with the months of `part`. -#}
{% macro measures_of_period() -%}
    {%- for measure in cell_measures() -%}
    {%- if measure.carried -%}
    coalesce(sum(cell.{{ measure.name }}) filter (where part.is_before), 0) as {{ measure.carried }},
    {% endif -%}
    {%- set months = 'is_last' if measure.when == 'state' else 'is_within' -%}
    coalesce(sum(cell.{{ measure.name }}) filter (where part.{{ months }}), 0) as {{ measure.name }}
    {{- '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#- The columns of a period's cell by name: as they are, added up, or as whole numbers with late apologies in. -#}
{% macro period_columns() -%}
    {%- for name in period_measures() -%}
    cell.{{ name }}{{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{% macro period_columns_summed() -%}
    {%- for name in period_measures() -%}
    sum(cell.{{ name }}) as {{ name }}{{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{% macro period_columns_with_late_apologies() -%}
    {%- for name in period_measures() -%}
    {%- set late = ' + coalesce(late_apology.dossiers, 0)' if name == 'resolved_overdue_apologised' else '' -%}
    cast(cell.{{ name }}{{ late }} as int) as {{ name }}{{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}
