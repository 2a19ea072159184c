#!/bin/sh
# Makes what compose.yaml reads as secrets, in ./secrets beside this file; what is there stays as it is.
# The folder is its owner's alone; the files are readable in the containers, whose users have other ids.
set -eu
cd "$(dirname "$0")"
umask 022
mkdir -p secrets/sources
chmod 700 secrets
random() { python3 -c 'import secrets; print(secrets.token_urlsafe(32))'; }
keep() { # name, content
    if [ ! -e "secrets/$1" ]; then printf '%s\n' "$2" >"secrets/$1"; fi
}
for name in postgres_password warehouse_password airflow_password superset_password redis_password \
    api_secret_key jwt_secret superset_secret_key hash_key data_key; do
    keep "$name" "$(random)"
done
keep fernet_key "$(python3 -c 'import base64, secrets; print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())')"
postgres=${ONESTOP_POSTGRES:-postgres:5432} redis=${ONESTOP_REDIS:-redis:6379}
keep warehouse_dsn "postgresql://onestop:$(cat secrets/warehouse_password)@$postgres/onestop"
keep airflow_dsn "postgresql+psycopg2://airflow:$(cat secrets/airflow_password)@$postgres/airflow"
keep superset_dsn "postgresql://superset:$(cat secrets/superset_password)@$postgres/superset"
keep broker_url "redis://:$(cat secrets/redis_password)@$redis/0"
keep redis_password_conf "requirepass $(cat secrets/redis_password)"
