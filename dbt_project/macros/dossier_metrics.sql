{#-
    The metrics that are sums over a unit's dossiers, each written once: numerator and denominator over the columns of a
    period's cell (macro cell_measures; the form's totals as below). A count has no denominator.
    Read with `cell` = a unit's sums they give the figures; with `cell` = one dossier's own measures they say whether
    that dossier counts: a figure's list has the figure's own definition.
-#}
{% macro dossier_metrics(family) -%}
    {%- set form = [
        'received_total', 'received_online', 'received_direct_postal', 'received_carried_over',
        'resolved_total', 'resolved_early', 'resolved_on_time', 'resolved_overdue',
        'in_progress_total', 'in_progress_within', 'in_progress_overdue', 'suspended_total',
    ] -%}
    {%- set new = 'cell.received_online + cell.received_direct_postal' -%}
    {%- set metrics = {
        'form': [],
        'dossier': [
            ('on_time_rate', 'cell.resolved_early + cell.resolved_on_time', 'cell.resolved_total'),
            ('early_rate', 'cell.resolved_early', 'cell.resolved_total'),
            ('overdue_rate', 'cell.resolved_overdue', 'cell.resolved_total'),
            (
                'progress_rate',
                'cell.resolved_early + cell.resolved_on_time + cell.in_progress_within',
                'cell.received_total',
            ),
            ('no_due_date_rate', 'cell.resolved_without_due', 'cell.resolved_total'),
            (
                'apology_rate',
                'cell.resolved_overdue_apologised + cell.in_progress_overdue_apologised',
                'cell.resolved_overdue + cell.in_progress_overdue',
            ),
            ('processing_working_days_mean', 'cell.processing_days', 'cell.resolved_by_result'),
            ('intake_8h_rate', 'cell.new_in_8h', 'cell.new_online_submitted'),
            ('online_submission_rate', 'cell.received_online', new),
            ('full_online_rate', 'cell.new_full_online', 'cell.new_full'),
            ('online_payment_rate', 'cell.resolved_paid_online', 'cell.resolved_with_fee'),
            ('digitised_intake_rate', 'cell.new_digitised', new),
            ('data_reuse_rate', 'cell.new_reusing', new),
            ('identity_verified_rate', 'cell.new_online_verified', 'cell.received_online'),
            ('electronic_result_rate', 'cell.resolved_electronically', 'cell.resolved_by_result'),
            ('dossier_satisfaction_rate', 'cell.resolved_satisfied', 'cell.resolved_rated'),
        ],
        'portal': [
            (
                'portal_sync_rate',
                'cell.new_synced + cell.carried_synced',
                'cell.new_one_stop + cell.carried_one_stop',
            ),
            (
                'portal_agreement_rate',
                'cell.resolved_agreeing + cell.in_progress_agreeing',
                'cell.new_synced + cell.carried_synced',
            ),
        ],
    } -%}
    {%- for code in form -%}
        {%- do metrics.form.append((code, 'cell.' ~ code, 'null')) -%}
    {%- endfor -%}
    {{ return(metrics[family]) }}
{%- endmacro %}


{#- The rows of a `values` list: metric_code, numerator, denominator. -#}
{% macro dossier_metric_values(family) -%}
    {%- for code, numerator, denominator in dossier_metrics(family) -%}
    ('{{ code }}', {{ numerator }}, {{ denominator }}){{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#- The form's totals out of a cell's measures. -#}
{% macro form_totals(cell) -%}
    {{ cell }}.received_online + {{ cell }}.received_direct_postal + {{ cell }}.received_carried_over as received_total,
    {{ cell }}.resolved_early + {{ cell }}.resolved_on_time + {{ cell }}.resolved_overdue as resolved_total,
    {{ cell }}.in_progress_total - {{ cell }}.in_progress_overdue as in_progress_within
{%- endmacro %}


{#-
    What one dossier brings to each measure of a period's cell: 1 or 0 (or the number that the measure adds up). The
    relation has the columns of int_dossier__measure and says how the dossier lies in the period: is_new, is_resolved,
    is_open on its last day, is_carried into it.
-#}
{% macro measures_of_dossier() -%}
    {%- for measure in cell_measures() -%}
    {%- set event = {'new': 'is_new', 'resolved': 'is_resolved', 'state': 'is_open'}[measure.when] -%}
    {%- if measure.carried -%}
    cast(is_carried and coalesce({{ measure.where }}, false) as int) as {{ measure.carried }},
    {% endif -%}
    {%- if measure.sum -%}
    case when {{ event }} and ({{ measure.where }}) then coalesce({{ measure.sum }}, 0) else 0 end as {{ measure.name }}
    {%- else -%}
    cast({{ event }} and coalesce({{ measure.where }}, false) as int) as {{ measure.name }}
    {%- endif -%}
    {{ '' if loop.last else ',\n' }}
    {%- endfor -%}
{%- endmacro %}


{#-
    The entries of an array: the code of every metric in whose numerator (or denominator) the dossier stands whose own
    measures are `cell`; null for the others. `portal`: a relation that says whether a portal is listed.
-#}
{% macro metrics_that_count(side) -%}
    {%- for family in ['form', 'dossier', 'portal'] -%}
    {%- for code, numerator, denominator in dossier_metrics(family) -%}
    {%- set amount = numerator if side == 'numerator' else denominator -%}
    {%- if amount != 'null' -%}
    case when {{ 'portal.is_listed and ' if family == 'portal' else '' }}{{ amount }} <> 0 then '{{ code }}' end,
    {% endif -%}
    {%- endfor -%}
    {%- endfor -%}
{%- endmacro %}
