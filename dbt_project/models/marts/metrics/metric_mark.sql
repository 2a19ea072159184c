-- Figures that rest on working days of a year without a list of holidays: there Monday to Friday were taken for working
-- days. counted: how many of the figure's dossiers (of the publication's: of its announcements) it concerns.
select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    cell.org_view,
    cell.agency_code,
    cell.field_code,
    marked.metric_code,
    'monday_to_friday' as mark,
    marked.dossiers as counted
from {{ ref('int_metric__unit_cell') }} as cell
inner join {{ ref('int_period__period') }} as period on cell.period_id = period.period_id
cross join
    lateral (
        values
        ('processing_working_days_mean', cell.resolved_processing_assumed),
        ('processing_working_days_p50', cell.resolved_processing_assumed),
        ('processing_working_days_p90', cell.resolved_processing_assumed),
        ('intake_8h_rate', cell.new_intake_assumed)
    ) as marked (metric_code, dossiers)
where marked.dossiers > 0
union all
select
    period.period_convention,
    period.period,
    period.period_from,
    period.period_to,
    org_view,
    '{{ var("province_code") }}' as agency_code,
    '*' as field_code,
    'procedure_on_time_publication_rate' as metric_code,
    'monday_to_friday' as mark,
    count(distinct catalogue.procedure_code || ' ' || catalogue.announced_on) as counted
from {{ ref('stg_reference__procedure') }} as catalogue
inner join {{ ref('int_time__day') }} as announced on catalogue.announced_on = announced.day
inner join {{ ref('int_period__period') }} as period
    on catalogue.announced_on between period.period_from and period.period_to
cross join (values ('as_was'), ('as_is')) as view (org_view)
where not announced.is_official
group by period.period_convention, period.period, period.period_from, period.period_to, org_view
