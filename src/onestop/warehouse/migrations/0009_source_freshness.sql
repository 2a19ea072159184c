-- How old each source table was whenever somebody looked: transform/freshness.py.

create table ops.source_freshness (
    checked_at timestamptz not null,
    table_name text not null,
    loaded_at timestamptz,
    age_seconds double precision,
    status text not null check (status in ('fresh', 'late', 'very late')),
    warn_after_seconds int not null,
    error_after_seconds int not null,
    primary key (checked_at, table_name)
);
comment on table ops.source_freshness is 'One row per look and source table: how old its newest delivery was. Gates nothing.';
comment on column ops.source_freshness.loaded_at is 'When the newest delivery ended; of several sources the one that is behind. Null: never.';
