#!/bin/sh
# The databases of the warehouse, of Airflow and of Superset, each with an owner of its own: at the first start of the
# server of compose.yaml, or by hand on any other (PGHOST, PGPORT, POSTGRES_USER, PGPASSWORD; SECRETS: the folder of
# passwords). Twice is once.
# createrole: the warehouse's rights; createdb: the proof of a backup.
set -eu
export SECRETS="${SECRETS:-/run/secrets}"
psql --no-psqlrc --quiet --no-align --tuples-only -v ON_ERROR_STOP=1 --username "${POSTGRES_USER:-postgres}" --dbname postgres <<'SQL'
\set warehouse `cat "$SECRETS/warehouse_password"`
\set airflow `cat "$SECRETS/airflow_password"`
\set superset `cat "$SECRETS/superset_password"`
set client_min_messages = warning;
select format('create role %I', name) from (values ('onestop'), ('airflow'), ('superset')) as wanted (name)
where not exists (select from pg_roles where rolname = name) \gexec
alter role onestop login createrole createdb password :'warehouse';
alter role airflow login nocreaterole nocreatedb password :'airflow';
alter role superset login nocreaterole nocreatedb password :'superset';
select format('create database %1$I owner %1$I encoding ''UTF8'' template template0', name)
from (values ('onestop'), ('airflow'), ('superset')) as wanted (name)
where not exists (select from pg_database where datname = name) \gexec
revoke connect on database onestop, airflow, superset from public;
SQL
