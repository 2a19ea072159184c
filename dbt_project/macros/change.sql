{#-
    A night costs what it changed: models that keep their rows are dbt's incremental ones, and a build that follows the
    change gives them anew for the codes of int_dossier__changed alone (docs/adr/0006-cost-follows-the-change.md). Whether
    a build does is decided in onestop.transform.rounds; a whole build is one with --full-refresh.
-#}
{#- True in a build that follows the change, in a model whose table stands. While dbt parses: so that every ref is seen. -#}
{% macro follows_change() -%}
    {%- if not execute -%}
        {{ return(true) }}
    {%- endif -%}
    {#- A unit test has no table, and speaks of the rule for all rows. -#}
    {%- if should_full_refresh() or not this -%}
        {{ return(false) }}
    {%- endif -%}
    {%- set built = adapter.get_relation(this.database, this.schema, this.identifier) -%}
    {{ return(built is not none and built.type == 'table') }}
{%- endmacro %}


{#-
    The codes whose dossiers are made anew, as an array: a condition that goes through views down to the indexes of raw.
    Only where there is an index: without one every row is held against every code.
-#}
{% macro changed_codes(of='int_dossier__changed') -%}
    any(array(select changed.dossier_code from {{ ref(of) }} as changed))
{%- endmacro %}


{#- A hook before a model's rows are made anew, in the same transaction: the old ones go. -#}
{% macro forget_changed(column, of='int_dossier__changed') -%}
    {%- if follows_change() -%}
    delete from {{ this }}
    where {{ column }} in (select changed.dossier_code from {{ ref(of) }} as changed)
    {%- endif -%}
{%- endmacro %}


{#- The same where all of them go. -#}
{% macro forget_all() -%}
    {%- if follows_change() -%}
    delete from {{ this }}
    {%- endif -%}
{%- endmacro %}


{#-
    A hook where the planner would hold each row of one side against each of the other: both are cut down to changed codes,
    which it takes for ten because it cannot know them, or were just made anew and have no statistics. always: in a whole
    build, too, where it takes the cells of one model for few of another's.
-#}
{% macro join_by_hash(always=false) -%}
    {%- if always or follows_change() -%}
    set local enable_nestloop = off
    {%- endif -%}
{%- endmacro %}


{#-
    A hook of a wide table that is read by its key or whole: a tenth of the sample tells the planner enough, and to count
    the values of 45 columns takes as long as a third of making its rows.
-#}
{% macro coarse_statistics() -%}
    set local default_statistics_target = 10
{%- endmacro %}


{#- A model's table as the build before left it, read before it is built anew. No ref: it would be a ring. -#}
{% macro as_built_before(name) -%}
    "{{ this.schema or 'intermediate' }}"."{{ name }}"
{%- endmacro %}


{#- What a table of counts adds up: all dossiers, or what left and what came (with `sign`) in a build that follows. -#}
{% macro measured_dossiers() -%}
    {%- set measured = ref('int_dossier__measure') -%}
    {%- if follows_change() -%}
        {%- set measured = ref('int_dossier__movement') -%}
    {%- endif -%}
    {{ return(measured) }}
{%- endmacro %}


{% macro counted_dossiers(where=none, sum=none) -%}
    {%- set given = ' filter (where ' ~ where ~ ')' if where else '' -%}
    {%- if follows_change() -%}
    coalesce(sum(sign{{ ' * ' ~ sum if sum else '' }}){{ given }}, 0)
    {%- elif sum -%}
    coalesce(sum({{ sum }}){{ given }}, 0)
    {%- else -%}
    count(*){{ given }}
    {%- endif -%}
{%- endmacro %}


{#- The rows of `moved`, with what the table held of their keys already; columns of counts are added up. -#}
{% macro added_to_built(keys, counts, kind='int') -%}
    select
        {%- for key in keys %}
        moved.{{ key }},
        {%- endfor %}
        {%- for name in counts %}
        {%- if follows_change() %}
        cast(moved.{{ name }} + coalesce(built.{{ name }}, 0) as {{ kind }}) as {{ name }}
        {%- else %}
        cast(moved.{{ name }} as {{ kind }}) as {{ name }}
        {%- endif %}
        {{- '' if loop.last else ',' }}
        {%- endfor %}
    from moved
    {%- if follows_change() %}
    left join {{ this }} as built
        on
            {%- for key in keys %}
            {{ 'and ' if not loop.first }}moved.{{ key }} = built.{{ key }}
            {%- endfor %}
    {%- endif %}
{%- endmacro %}


{#- A hook after counts were added up: a cell that nothing is left in has no row. -#}
{% macro drop_empty(counts) -%}
    {%- if follows_change() -%}
    delete from {{ this }}
    where {{ counts | join(' = 0 and ') }} = 0
    {%- endif -%}
{%- endmacro %}


{#-
    The last part of a model that says which cells moved: of each the print, a sum over the rows of `shown` (a cell's keys,
    print) and of the unit's level, and whether the table had another one before. A cell that is no more stands here once
    more, without a print.
-#}
{% macro moved_since(shown) -%}
cell as (
    select
        shown.period_id,
        shown.org_view,
        shown.agency_code,
        shown.field_code,
        sum(shown.print) + coalesce(max(hashtextextended(label.agency_level, 0)), 0) as print
    from {{ shown }} as shown
    left join {{ ref('int_agency__label') }} as label
        on
            shown.period_id = label.period_id
            and shown.org_view = label.org_view
            and shown.agency_code = label.agency_code
    group by shown.period_id, shown.org_view, shown.agency_code, shown.field_code
),

named as (
    select
        period.period_convention,
        period.period,
        cell.*
    from cell
    inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
)

{% if follows_change() -%}
select
    period_convention,
    period,
    period_id,
    org_view,
    agency_code,
    field_code,
    named.print,
    coalesce(named.print <> before.print, true) as is_moved
from named
full join (select * from {{ this }} where print is not null) as before
    using (period_convention, period, period_id, org_view, agency_code, field_code)
{%- else -%}
select
    *,
    true as is_moved
from named
{%- endif %}
{%- endmacro %}


{#- A join that leaves of `rows` those of cells that moved: all of them in a whole build. period_of: what has the period. -#}
{% macro of_moved_cells(of, rows, period_of=none) -%}
    inner join {{ ref(of) }} as moved_cell
        on
            {{ period_of or rows }}.period_id = moved_cell.period_id
            and {{ rows }}.org_view = moved_cell.org_view
            and {{ rows }}.agency_code = moved_cell.agency_code
            and {{ rows }}.field_code = moved_cell.field_code
            and moved_cell.is_moved
{%- endmacro %}


{#- A hook before the rows of moved cells are made anew. -#}
{% macro forget_moved(of='int_metric__moved') -%}
    {%- if follows_change() -%}
    delete from {{ this }} as kept
    using {{ ref(of) }} as moved
    where
        moved.is_moved
        and kept.period_convention = moved.period_convention
        and kept.period = moved.period
        and kept.org_view = moved.org_view
        and kept.agency_code = moved.agency_code
        and kept.field_code = moved.field_code
    {%- endif -%}
{%- endmacro %}


{#- A hook before what uncertain dossiers could be is made anew. -#}
{% macro forget_uncertain() -%}
    {%- if follows_change() -%}
    delete from {{ this }}
    where dossier_key in (
        select changed.dossier_key from {{ ref('int_quarantine__changed') }} as changed where changed.is_changed
    )
    {%- endif -%}
{%- endmacro %}
