-- Builds that follow the change: what the last whole set of layers was built from, and ways to a dossier's rows.

create table ops.build_round (
    round_id bigint generated always as identity primary key,
    known_at timestamptz not null,
    is_whole boolean not null,
    reason text not null,
    built_from jsonb not null,
    layers text[] not null default '{}',
    started_at timestamptz not null default now(),
    finished_at timestamptz
);
comment on table ops.build_round is 'One row per build of all layers, in one command or layer by layer. The next follows the change only where this one finished.';
comment on column ops.build_round.reason is 'Why it was built whole, or what it followed.';
comment on column ops.build_round.built_from is 'What all dossiers depend on; another value of any of them asks for a whole build.';
comment on column ops.build_round.layers is 'The layers that were built and tested so far.';
comment on column ops.build_round.finished_at is 'All layers were built and no test failed.';

-- A night asks for the rows of its batches, and for all rows of the codes in them.
create index on raw.one_stop_dossier (batch_id);
create index on raw.one_stop_dossier (ma_ho_so);
create index on raw.portal_dossier (batch_id);
create index on raw.portal_dossier (ma_ho_so);
create index on raw.portal_payment (batch_id);
create index on raw.portal_payment (ma_ho_so);
create index on raw.portal_payment (ma_giao_dich);
create index on raw.portal_rating (batch_id);
create index on raw.portal_rating (ma_ho_so);
create index on raw.portal_rating (ma_phieu);
