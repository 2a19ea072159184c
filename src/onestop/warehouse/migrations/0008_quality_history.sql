-- What was delivered, in numbers: what delivery rules compare with, and what the history of quality is built from.

create table ops.source_run (
    run_id bigint generated always as identity primary key,
    source_id text not null,
    at timestamptz not null,
    reached boolean not null
);
comment on table ops.source_run is 'One row per run of a source: whether the source could be read to its end.';
comment on column ops.source_run.at is 'The moment that counted as now (--as-of).';
create index on ops.source_run (source_id, at);
insert into ops.source_run (source_id, at, reached)
select source_id, accepted_at, bool_and(state <> 'failed')
from ops.load_batch where source_id <> 'reference' group by source_id, accepted_at;

create table ops.delivery (
    batch_id bigint primary key references ops.load_batch deferrable initially deferred,
    source_id text not null,
    entity text not null,
    day date not null,
    at_time time not null,
    is_regular boolean not null,
    covers_from date,
    covers_to date,
    series text,
    version int,
    records bigint not null,
    gap_days int,
    quiet_days int,
    timed_records bigint not null,
    delay_seconds numeric not null,
    delay_seconds_max numeric not null,
    within_a_day bigint not null
);
comment on table ops.delivery is 'One row per loaded delivery of dossiers, payments, ratings or cases, in numbers.';
comment on column ops.delivery.day is 'The local day of the moment that counted as now.';
comment on column ops.delivery.is_regular is 'A step of the live feed: no first load, backfill or replay.';
comment on column ops.delivery.records is 'New records; of a file all of its rows.';
comment on column ops.delivery.gap_days is 'Days since the delivery before.';
comment on column ops.delivery.quiet_days is 'Whole working days without a record, up to the delivery or to the last day that a file covers.';
comment on column ops.delivery.timed_records is 'Accepted records with a readable NgayCapNhat; the delay until they were accepted follows.';
create index on ops.delivery (source_id, entity, day);

create table ops.delivery_count (
    batch_id bigint not null references ops.load_batch deferrable initially deferred,
    dimension text not null,
    value text not null,
    records bigint not null,
    primary key (batch_id, dimension, value)
);
comment on table ops.delivery_count is 'Records of a delivery by unit (dimension agency) and by each value of the columns that rules compare.';

create table ops.delivery_check (
    batch_id bigint not null references ops.load_batch deferrable initially deferred,
    rule_id text not null,
    subject text not null default '',
    state text not null check (state in ('kept', 'broken', 'not_judged')),
    found numeric,
    usual numeric,
    reason text,
    primary key (batch_id, rule_id, subject)
);
comment on table ops.delivery_check is 'What delivery rules found: a row per rule, of a broken one a row per thing that differs.';

create table ops.rule_agency (
    batch_id bigint not null references ops.load_batch deferrable initially deferred,
    rule_id text not null,
    agency_code text not null,
    failed bigint not null,
    primary key (batch_id, rule_id, agency_code)
);
comment on table ops.rule_agency is 'How many rows failed each row rule, per batch and unit; ? where the row names no unit.';

-- A batch's rows lie together: an index of page ranges finds them and costs a load next to nothing.
create index one_stop_dossier_batch on raw.one_stop_dossier using brin (batch_id) with (pages_per_range = 16);
create index feedback_case_batch on raw.feedback_case using brin (batch_id) with (pages_per_range = 16);
create index portal_dossier_batch on raw.portal_dossier using brin (batch_id) with (pages_per_range = 16);
create index portal_payment_batch on raw.portal_payment using brin (batch_id) with (pages_per_range = 16);
create index portal_rating_batch on raw.portal_rating using brin (batch_id) with (pages_per_range = 16);

insert into ops.rule_agency (batch_id, rule_id, agency_code, failed)
select batch_id, rule_id, agency_code, count(*)
from (
    select batch_id, unnest(rule_ids || warning_ids) as rule_id, coalesce(agency_code, '?') as agency_code
    from quarantine.rejected_row
    union all
    select batch_id, unnest(warning_ids), coalesce(don_vi_xu_ly, '?') from raw.one_stop_dossier where warning_ids is not null
    union all
    select batch_id, unnest(warning_ids), coalesce(don_vi_xu_ly, '?') from raw.portal_dossier where warning_ids is not null
    union all
    select batch_id, unnest(warning_ids), coalesce(don_vi_xu_ly, '?') from raw.feedback_case where warning_ids is not null
    union all
    select batch_id, unnest(warning_ids), '?' from raw.portal_payment where warning_ids is not null
    union all
    select batch_id, unnest(warning_ids), '?' from raw.portal_rating where warning_ids is not null
) as broken
where batch_id in (select batch_id from ops.load_batch)
group by batch_id, rule_id, agency_code;
