{#-
    What a generic test reads. A build that follows the change tests, of tables that keep their rows, those that it made
    anew: the others were tested when they were made. Whole builds test all rows, and so does one in seven days that follow
    (onestop.transform.rounds); which one is said in the environment, since other --vars make dbt parse all anew.
-#}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') -%}
    {%- set kept = rows_made_anew(relation.identifier) if execute and not tests_read_all() else none -%}
    {%- if not (where or kept) -%}
        {{ return(relation) }}
    {%- endif -%}
    {%- set filtered -%}
        (select * from {{ relation }} where {{ [where, kept] | select | join(' and ') }}) as tested
    {%- endset -%}
    {{ return(filtered) }}
{%- endmacro %}


{% macro tests_read_all() -%}
    {{ return(flags.FULL_REFRESH or env_var('ONESTOP_TESTS', 'all') == 'all') }}
{%- endmacro %}


{#- By table: the column of codes, and which codes a build made anew; or which cells. No ref: dbt reads no table's name while it parses. -#}
{% macro rows_made_anew(table) -%}
    {%- set by_code = ['dossier_code', 'int_dossier__changed'] -%}
    {%- set by_pair = ['dossier_group', 'int_reconciliation__changed'] -%}
    {%- set by_explained = ['dossier_group', 'int_reconciliation__explained'] -%}
    {%- set kept = {
        'fct_dossier': by_code,
        'int_dossier__counted': by_code,
        'int_dossier__link': by_code,
        'int_dossier__measure': by_code,
        'int_dossier__working_time': by_code,
        'int_reconciliation__pair': by_pair,
        'int_reconciliation__history': by_pair,
        'int_reconciliation__cause': by_explained,
        'reconciliation_pair': by_explained,
        'lateness_claim': ['dossier_code', 'int_reconciliation__judged'],
    } -%}
    {%- if table in kept -%}
        {%- set column, codes = kept[table] -%}
        {{ return(column ~ ' in (select made.dossier_code from intermediate.' ~ codes ~ ' as made)') }}
    {%- endif -%}
    {%- set by_cell = {'quarterly_metric': 'int_metric__moved', 'metric_consequence': 'int_quarantine__moved'} -%}
    {%- if table in by_cell -%}
        {%- set keys = 'period_convention, period, org_view, agency_code, field_code' -%}
        {{ return(
            '(' ~ keys ~ ') in (select ' ~ keys ~ ' from intermediate.' ~ by_cell[table] ~ ' as made where made.is_moved)'
        ) }}
    {%- endif -%}
    {{ return(none) }}
{%- endmacro %}
