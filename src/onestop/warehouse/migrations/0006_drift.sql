-- Schema drift: fields that sources deliver and no specification knows.

create table ops.unknown_field (
    source_id text not null,
    entity text not null,
    field text not null,
    json_types text[] not null,
    examples_masked text[] not null,
    first_batch_id bigint not null references ops.load_batch deferrable initially deferred,
    first_seen_at timestamptz not null,
    primary key (source_id, entity, field)
);
comment on table ops.unknown_field is 'Fields that no specification knows: kept in landing only, said once, in the message of the first batch that had them.';
comment on column ops.unknown_field.field is 'As delivered; list[].part inside a list. Long digits in a name are 9s, since a name may be a number of a person.';
comment on column ops.unknown_field.examples_masked is 'At most three values: letters as x, digits as 9. What they were stays in landing, encrypted.';
