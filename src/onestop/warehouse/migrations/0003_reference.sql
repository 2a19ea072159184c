-- The other reference files, and what the province's folder can hold of them: see sources/reference.py.

create table raw.target (
    batch_id bigint not null, row_number int not null,
    metric_code text, level text, year text, target text, legal_basis text
);
create table raw.staff_certificate (
    batch_id bigint not null, row_number int not null,
    agency_code text, as_of text, required text, issued text
);
create table raw.one_stop_point (
    batch_id bigint not null, row_number int not null,
    point_code text, agency_code text, name_vi text, has_queue_machine text, has_lookup_kiosk text,
    has_online_help_desk text, valid_from text, valid_to text
);
create table raw.survey_score (
    batch_id bigint not null, row_number int not null,
    survey_code text, agency_code text, year text, score text, max_score text
);
create table raw.document_statistic (
    batch_id bigint not null, row_number int not null,
    agency_code text, month text, issued text, digitally_signed text
);
create table raw.working_day_exception (
    batch_id bigint not null, row_number int not null,
    day text, is_working text, reason text, document text
);
comment on table raw.target is 'targets.csv, every accepted version of the file.';
comment on table raw.staff_certificate is 'staff_certificates.csv, every accepted version of the file.';
comment on table raw.one_stop_point is 'one_stop_points.csv, every accepted version of the file.';
comment on table raw.survey_score is 'survey_scores.csv, every accepted version of the file.';
comment on table raw.document_statistic is 'document_statistics.csv, every accepted version of the file.';
comment on table raw.working_day_exception is 'working_day_exceptions.csv, every accepted version of the file.';
create index on raw.target (batch_id);
create index on raw.staff_certificate (batch_id);
create index on raw.one_stop_point (batch_id);
create index on raw.survey_score (batch_id);
create index on raw.document_statistic (batch_id);
create index on raw.working_day_exception (batch_id);
