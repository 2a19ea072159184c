-- Quarantine with a way back: what names a rejected row's record, where else it stands, and all that was done about it.

alter table quarantine.rejected_row
    add column key_code text,
    add column version text,
    add column judged_with text;
comment on column quarantine.rejected_row.key_code is 'The key in the form that raw has; null where the record has none.';
comment on column quarantine.rejected_row.version is 'NgayCapNhat as 14 digits; null where it cannot be read.';
comment on column quarantine.rejected_row.judged_with is 'Which rules and reference data judged the row last, in a replay; null: only when it was delivered.';
update quarantine.rejected_row
set
    key_code = nullif(upper(regexp_replace(record_key, '\s+', '', 'g')), ''),
    version = (regexp_match(payload ->> 'NgayCapNhat', '^\s*(\d{14})\s*$'))[1];
-- By hash: a key as delivered can be longer than a page of a tree holds.
create index rejected_row_open_key on quarantine.rejected_row using hash (key_code) where status = 'open';

create table quarantine.row_sighting (
    rejected_id bigint not null references quarantine.rejected_row,
    file_id bigint not null references ops.portal_file,
    row_number int not null,
    primary key (rejected_id, file_id)
);
comment on table quarantine.row_sighting is 'Later files of the portal that hold a rejected row unchanged: it is no second row, but goes back into each of them.';
create index on quarantine.row_sighting (file_id);

create table quarantine.row_event (
    event_id bigint generated always as identity primary key,
    rejected_id bigint not null references quarantine.rejected_row,
    event text not null check (event in ('corrected', 'replayed', 'rejudged', 'dismissed', 'reopened')),
    status_before text not null,
    status_after text not null,
    happened_at timestamptz not null,
    recorded_at timestamptz not null default now(),
    by_whom text not null check (by_whom <> ''),
    reason text not null check (reason <> ''),
    batch_id bigint references ops.load_batch deferrable initially deferred,
    rule_ids_before text[],
    rule_ids_after text[]
);
comment on table quarantine.row_event is 'What became of every rejected row: who, when, why. Append-only.';
comment on column quarantine.row_event.event is 'corrected: a later version of its key was accepted | replayed: it passes the rules now and went to raw | rejudged: other rules fail now | dismissed, reopened: by a person.';
comment on column quarantine.row_event.happened_at is 'As-of of what was done: figures known at an earlier moment still see the row as it was.';
comment on column quarantine.row_event.batch_id is 'The batch that brought the correction, or that took the row back.';
create index on quarantine.row_event (rejected_id, event_id);

create function quarantine.refuse_change() returns trigger language plpgsql as
$$ begin raise exception 'quarantine.row_event is append-only'; end $$;
create trigger append_only before update or delete on quarantine.row_event
for each row execute function quarantine.refuse_change();
create trigger append_only_whole before truncate on quarantine.row_event
for each statement execute function quarantine.refuse_change();

alter table ops.load_batch add column replays_batch_id bigint references ops.load_batch;
comment on column ops.load_batch.replays_batch_id is 'Of a replay of quarantine: the delivery whose rows it takes back. They keep their places in that delivery.';

alter table ops.portal_file add column sheet text;
comment on column ops.portal_file.sheet is 'The sheet that was read; null for a CSV file.';
