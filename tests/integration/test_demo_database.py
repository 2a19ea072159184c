"""The demonstration's own database on the embedded server: empty each time, with a role that reaches nothing else."""

from __future__ import annotations

import psycopg
import pytest
from psycopg import sql

from onestop.platform.demo import _new_database
from onestop.warehouse.embedded import EmbeddedPostgres

pytestmark = pytest.mark.integration
NAME = "demo_source_of_a_test"


def test_it_is_made_anew_with_a_new_password(postgres: EmbeddedPostgres) -> None:
    try:
        first = _new_database(postgres.admin_dsn, NAME)
        with psycopg.connect(first) as connection:
            connection.execute("create table dossiers (n int)")
        second = _new_database(postgres.admin_dsn, NAME)
        with psycopg.connect(second) as connection:
            assert connection.execute("select to_regclass('dossiers')").fetchone() == (None,)
            assert connection.execute("select rolsuper from pg_roles where rolname = current_user").fetchone() == (
                False,
            )
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(first)
        with pytest.raises(psycopg.OperationalError, match="permission denied"):
            psycopg.connect(second.rpartition("/")[0] + "/onestop")
    finally:
        with psycopg.connect(postgres.admin_dsn, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database if exists {}").format(sql.Identifier(NAME)))
            connection.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(NAME)))
