-- Codes that normalisation changed, per batch: contracts/metrics.md, "Which dossiers count".

create table ops.code_repair (
    batch_id bigint not null references ops.load_batch deferrable initially deferred,
    field text not null,
    kind text not null check (kind in ('trimmed', 'inner blanks removed', 'upper case', 'composed (NFC)')),
    codes bigint not null check (codes > 0),
    examples jsonb not null,
    primary key (batch_id, field, kind)
);
comment on table ops.code_repair is 'How many codes of a batch were repaired before they were judged, by field and kind. A code repaired in two ways counts in both.';
comment on column ops.code_repair.codes is 'Of the records that went to raw or quarantine; duplicates were counted when they first came.';
comment on column ops.code_repair.examples is 'At most three, as delivered and as kept; masked (x, 9) where one does not look like a code.';
