-- The history of differences between province and portal: when each was seen first, and when it was gone.

create table ops.reconciliation_check (
    check_id bigint generated always as identity primary key,
    known_at timestamptz not null unique,
    newest_batch_id bigint,
    compared bigint not null,
    differing bigint not null,
    opened bigint not null,
    closed bigint not null,
    checked_at timestamptz not null default now()
);
comment on table ops.reconciliation_check is 'One row per build that the history of differences followed; builds of an earlier moment are not among them.';

create table ops.reconciliation_difference (
    difference_id bigint generated always as identity primary key,
    dossier_group text not null,
    dossier_code text not null,
    kind text not null check (kind in ('only_here', 'only_there', 'status', 'date', 'unit')),
    agency_code text,
    likely_cause text,
    opened_at timestamptz not null,
    opened_batch_id bigint,
    closed_at timestamptz,
    closed_batch_id bigint,
    closed_as text,
    check (closed_at >= opened_at)
);
comment on table ops.reconciliation_difference is 'One row per difference of a dossier and kind, from the build that saw it first to the one that saw it no more.';
comment on column ops.reconciliation_difference.opened_batch_id is 'The newest batch known when it was seen first.';
comment on column ops.reconciliation_difference.closed_batch_id is 'The newest batch known when it was gone: with it, or one shortly before, came what agrees.';
comment on column ops.reconciliation_difference.closed_as is 'What the dossier was found to be then: matched, another kind of difference, or gone from both sides.';
create unique index on ops.reconciliation_difference (dossier_group, kind) where closed_at is null;
create index on ops.reconciliation_difference (closed_at);
