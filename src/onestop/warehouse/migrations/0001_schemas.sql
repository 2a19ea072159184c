-- The warehouse's schemas and the operational tables that every load writes.

create schema raw;
comment on schema raw is 'Accepted records as text, append-only, one row per delivered version. Private.';
create schema quarantine;
comment on schema quarantine is 'Rejected records, with the rules that they broke. Private; rejected_row has a fixed shape.';
create schema ops;
comment on schema ops is 'What the platform did: batches, rules, builds. Private; load_batch has a fixed shape.';
create schema staging;
comment on schema staging is 'dbt: types and names. Private.';
create schema intermediate;
comment on schema intermediate is 'dbt: one dossier out of several systems, dates, paths of units. Private.';
create schema mart;
comment on schema mart is 'dbt: facts, dimensions, metrics. For BI.';
create schema report;
comment on schema report is 'dbt: the official forms. For BI.';
create schema published;
comment on schema published is 'Approved and published quarters, frozen. For BI.';

-- Positions follow province.yml: on equal versions the source listed first wins.
create table ops.source (
    source_id text primary key,
    kind text not null,
    position int not null,
    first_seen_at timestamptz not null default now(),
    removed_at timestamptz
);
comment on table ops.source is 'One row per source of province.yml; a source taken out of the file keeps its row, with removed_at.';

create table ops.load_batch (
    batch_id bigint generated always as identity primary key,
    source_id text not null,
    entity text not null,
    origin text not null,
    sha256 text,
    received bigint not null,
    accepted bigint not null,
    quarantined bigint not null,
    duplicate bigint not null,
    refused bigint not null,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    state text not null check (state in ('loaded', 'duplicate', 'refused', 'failed')),
    -- private columns
    accepted_at timestamptz not null,
    reached_end boolean not null,
    is_first_load boolean not null,
    cursor_before text,
    cursor_after text,
    landing_path text,
    message text,
    code_version text not null,
    constraint load_batch_nothing_lost check (received = accepted + quarantined + duplicate + refused)
);
comment on table ops.load_batch is 'The ledger: one row per run and entity of an API or SQL source, or per file.';
comment on column ops.load_batch.accepted_at is 'The moment from which the batch counts as known (--as-of).';
comment on column ops.load_batch.is_first_load is 'Versions of a first load are known from their NgayCapNhat on.';
create index on ops.load_batch (source_id, entity, batch_id);

create table ops.source_cursor (
    source_id text not null,
    entity text not null,
    cursor text not null,
    batch_id bigint not null references ops.load_batch,
    primary key (source_id, entity)
);
comment on table ops.source_cursor is 'Where the next pull goes on from: the newest NgayCapNhat landed, never the clock.';

create table ops.ingest_attempt (
    attempt_id text primary key,
    source_id text not null,
    entity text not null,
    landing_path text not null,
    landed bigint not null default 0,
    started_at timestamptz not null,
    batch_id bigint references ops.load_batch,
    ended_at timestamptz,
    outcome text check (outcome in ('loaded', 'duplicate', 'refused', 'failed', 'interrupted'))
);
comment on table ops.ingest_attempt is 'One row per attempt to pull, written before it starts; one that died stays visible as interrupted.';

create table ops.rule_result (
    batch_id bigint not null references ops.load_batch,
    rule_id text not null,
    action text not null check (action in ('stop', 'quarantine', 'warn')),
    checked bigint not null,
    failed bigint not null,
    primary key (batch_id, rule_id)
);
comment on table ops.rule_result is 'How many rows each rule looked at and how many failed, per batch.';

create table ops.dbt_node_result (
    invocation_id text not null,
    unique_id text not null,
    resource_type text not null,
    status text not null,
    execution_seconds double precision,
    rows_affected bigint,
    failures bigint,
    message text,
    finished_at timestamptz not null default now(),
    primary key (invocation_id, unique_id)
);
comment on table ops.dbt_node_result is 'What dbt said of every node of every build.';

create table ops.build (
    build_id bigint generated always as identity primary key,
    known_at timestamptz not null,
    layers text[] not null,
    finished_at timestamptz not null default now()
);
comment on table ops.build is 'One row per finished build of dbt layers: what the models show is what was known at known_at.';

create table quarantine.rejected_row (
    rejected_id bigint generated always as identity primary key,
    source_id text not null,
    entity text not null,
    batch_id bigint not null references ops.load_batch deferrable initially deferred,
    row_number int not null,
    record_key text,
    rule_ids text[] not null,
    warning_ids text[] not null,
    payload jsonb not null,
    first_seen_at timestamptz not null,
    status text not null default 'open' check (status in ('open', 'replayed', 'dismissed')),
    -- private columns
    content_hash bytea not null,
    agency_code text,
    unique (source_id, entity, content_hash)
);
comment on table quarantine.rejected_row is 'Records that broke a quarantine rule. Personal fields of the payload are encrypted.';
create index on quarantine.rejected_row (batch_id);
