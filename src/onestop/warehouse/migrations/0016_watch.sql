-- Running it: what was told to whom, what the watch saw, what maintenance did.

create table ops.alert (
    event_id bigint generated always as identity primary key,
    fingerprint text not null,
    event text not null check (event in ('seen', 'sent', 'send_failed', 'recovered')),
    happened_at timestamptz not null,
    purpose text check (purpose in ('first', 'reminder', 'recovery')),
    channel text,
    content jsonb not null default '{}',
    check ((event in ('sent', 'send_failed')) = (channel is not null and purpose is not null))
);
comment on table ops.alert is 'What is wrong, one fingerprint per cause, as events: seen, told to a channel, could not be told, gone. Append-only.';
comment on column ops.alert.fingerprint is 'Kind and subject: source_unavailable:igate. docs/runbooks has a page per kind.';
comment on column ops.alert.content is 'Of seen: what is known of it. Of send_failed: why.';
create index on ops.alert (fingerprint, event_id);

create function ops.alert_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'ops.alert is append-only: % is refused', tg_op;
end $$;
create trigger append_only before update or delete or truncate on ops.alert
for each statement execute function ops.alert_append_only();

create view ops.alert_open as
select
    fingerprint,
    split_part(fingerprint, ':', 1) as kind,
    min(happened_at) as opened_at,
    max(happened_at) as last_seen_at,
    count(*) as times_seen
from ops.alert as one
where
    event = 'seen' and not exists (
        select from ops.alert as later
        where later.fingerprint = one.fingerprint and later.event = 'recovered' and later.event_id > one.event_id
    )
group by fingerprint;
comment on view ops.alert_open is 'What is wrong now.';

create table ops.watch_look (
    looked_at timestamptz primary key,
    findings jsonb not null
);
comment on table ops.watch_look is 'One row per look of ops__source_watch: what was found late, silent or missing. Kept for 90 days.';

create table ops.maintenance_run (
    run_id bigint generated always as identity primary key,
    task text not null check (task in ('backup', 'restore', 'retention', 'vacuum', 'airflow')),
    started_at timestamptz not null,
    finished_at timestamptz not null,
    details jsonb not null
);
comment on table ops.maintenance_run is 'One row per piece of maintenance that was done: where the backup lies and what proved it, what was removed.';
create index on ops.maintenance_run (task, finished_at);
