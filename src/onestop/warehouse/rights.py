"""Who may do what in the warehouse: rights.yml as values, brought to the database, and held against what it has.

The functions that give rights are made by the migrations. A database whose owner may not make roles has none, and all
work there is the owner's.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import psycopg
import yaml
from psycopg import errors, sql

log = logging.getLogger(__name__)
FILE = Path(__file__).resolve().parent / "rights.yml"
PRIVILEGES = ("select", "insert", "update", "delete")
Role = Literal["loader", "transformer", "publisher"]
"""The roles that onestop itself takes on, each for its own steps."""


@dataclass(frozen=True, slots=True)
class Right:
    """What one role may do with a table, or with all tables of a schema that have no line of their own (`*`)."""

    schema: str
    table: str
    role: str
    privileges: tuple[str, ...]
    unit_column: str | None


@dataclass(frozen=True, slots=True)
class Declaration:
    """rights.yml: the PostgreSQL name of each role, every right, and the hash of the text."""

    roles: dict[str, str]
    rights: tuple[Right, ...]
    sha256: str

    def of(self, schema: str, table: str) -> dict[str, Right]:
        """The rights of a table by the roles' PostgreSQL names; empty where nothing is declared for its schema."""
        own = {r.role: r for r in self.rights if (r.schema, r.table) == (schema, table)}
        return own or {r.role: r for r in self.rights if (r.schema, r.table) == (schema, "*")}

    def names(self, schema: str) -> frozenset[str]:
        """The tables of a schema that have lines of their own."""
        return frozenset(r.table for r in self.rights if r.schema == schema and r.table != "*")


@cache
def declaration() -> Declaration:
    """What rights.yml says.

    Raises:
        ValueError: a role or privilege that does not exist.
    """
    text = FILE.read_text(encoding="utf-8")
    content: dict[str, Any] = yaml.safe_load(text)
    roles: dict[str, str] = content["roles"]
    rights = tuple(_rights(roles, content["schemas"]))
    return Declaration(roles, rights, hashlib.sha256(text.encode()).hexdigest())


def _rights(roles: dict[str, str], schemas: dict[str, dict[str, dict[str, Any]]]) -> Iterator[Right]:
    for schema, tables in schemas.items():
        for table, own in tables.items():
            given = {**tables["*"], **own}
            column = given.pop("rows", None)
            for role, privileges in given.items():
                if role not in roles or not set(privileges) <= set(PRIVILEGES):
                    raise ValueError(f"rights.yml: {schema}.{table}: {role}: {privileges}")
                yield Right(schema, table, roles[role], tuple(privileges), column if role == "unit" else None)


# What dbt has made by hand, or a dump has brought back, is its owner's until it is given to who builds.
_STATE = """
select
    (select sha256 from ops.declaration),
    not ops.has_roles() or has_database_privilege(builder.role, current_database(), 'create'),
    not ops.has_roles() or not exists (
        select from pg_class where relkind in ('r', 'p', 'v') and relowner <> builder.role
        and relnamespace::regnamespace::text in ('staging', 'intermediate', 'mart', 'report')
    )
from (select (max(oid::bigint))::oid as role from pg_roles where rolname = 'onestop_transformer') as builder
"""


def apply(connection: psycopg.Connection[Any], *, anew: bool = False) -> bool:
    """Bring the database to rights.yml, unless that was done; inside the caller's transaction.

    Args:
        anew: look at every table again, and make roles that are missing.

    Returns:
        whether anything was looked at.
    """
    told = declaration()
    known, is_given, is_owned = connection.execute(_STATE).fetchall()[0]
    if known == told.sha256 and is_owned and not anew:
        # A copy of a database has the rights of its tables, not those of the database itself.
        if not is_given:
            connection.execute("select ops.apply_database_rights()")
        return not is_given
    connection.execute("delete from ops.declared_right")
    with connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.declared_right (schema_name, table_name, role_name, privileges, unit_column)"
            " values (%s, %s, %s, %s, %s)",
            [(r.schema, r.table, r.role, list(r.privileges), r.unit_column) for r in told.rights],
        )
    connection.execute("delete from ops.declaration")
    connection.execute(
        "insert into ops.declaration (sha256, has_roles) values (%s, %s)", [told.sha256, make_roles(connection)]
    )
    connection.execute("select ops.apply_all_rights()")
    if _value(connection, "select ops.has_roles()"):
        connection.execute("grant execute on function ops.look_up_units() to onestop_transformer")
    return True


def make_roles(connection: psycopg.Connection[Any]) -> bool:
    """Make the roles that the server lacks; False, said in the log, where this login may not.

    Group roles: nobody logs in as one. Who makes them is a member of those that work for it, to become them.
    """
    try:
        with connection.transaction():
            for role in declaration().roles.values():
                name = sql.Identifier(role)
                if not _value(connection, "select exists (select from pg_roles where rolname = %s)", [role]):
                    connection.execute(sql.SQL("create role {} nologin").format(name))
                is_ours = role.startswith("onestop_")
                if is_ours and not _value(connection, "select pg_has_role(current_user, %s, 'USAGE')", [role]):
                    connection.execute(sql.SQL("grant {} to current_user").format(name))
    except errors.InsufficientPrivilege as problem:
        log.warning(
            "no roles are made, and all work is the owner's: %s has no right to (%s)",
            connection.info.user,
            problem.diag.message_primary,
        )
        return False
    return True


_TABLES = """
select relation.oid, relation.relnamespace::regnamespace::text, relation.relname, relation.relkind::text,
    relation.relrowsecurity,
    coalesce((
        select pg_get_expr(polqual, polrelid) from pg_policy where polrelid = relation.oid and polname = 'own_unit'
    ), ''),
    coalesce('security_invoker=true' = any(relation.reloptions), false)
from pg_class as relation
where relation.relkind in ('r', 'p', 'v', 'm') and relation.relnamespace::regnamespace::text = any(%s)
order by 2, 3
"""


def differences(connection: psycopg.Connection[Any]) -> list[str]:
    """What the database allows otherwise than rights.yml declares, a line each; for its owner.

    Looks at what a role may do in the end, by whatever way it has the right.
    """
    told = declaration()
    if not _value(connection, "select ops.has_roles()"):
        return ["this database has no roles: all work is its owner's, and nobody else can read"]
    found = []
    schemas = sorted({r.schema for r in told.rights})
    for oid, schema, table, kind, has_policies, policy, asks_as_reader in connection.execute(_TABLES, [schemas]):
        name, declared = f"{schema}.{table}", told.of(schema, table)
        for role in told.roles.values():
            wanted = set(declared[role].privileges) if role in declared else set()
            if _value(connection, "select relowner::regrole::text from pg_class where oid = %s", [oid]) == role:
                wanted = set(PRIVILEGES)
            for privilege in PRIVILEGES:
                may = _value(connection, "select has_table_privilege(%s, %s::oid, %s)", [role, oid, privilege])
                if may != (privilege in wanted):
                    found.append(f"{role} may {'' if may else 'not '}{privilege} {name}")
        column = next((r.unit_column for r in declared.values() if r.unit_column), None)
        if kind == "v":
            if schema in ("mart", "report") and not asks_as_reader:
                found.append(f"{name}: the view does not ask with its reader's rights")
        elif has_policies != (column is not None) or not policy.startswith(f"({column} = ANY" if column else ""):
            found.append(f"{name}: a unit's login sees rows by another rule than {column}")
    return found + list(_logins(connection))


def _logins(connection: psycopg.Connection[Any]) -> Iterator[str]:
    rows = connection.execute(
        "select role.rolname, role.rolsuper or role.rolcreaterole or role.rolcreatedb or role.rolbypassrls"
        " or role.rolreplication, login.agency_code,"
        " array(select distinct upper_role.rolname::text from pg_roles as upper_role"
        "  where upper_role.oid <> role.oid and pg_has_role(role.oid, upper_role.oid, 'MEMBER'))"
        " from pg_roles as role left join ops.bi_login as login on login.login = role.rolname"
        " where role.rolcanlogin and not role.rolsuper and pg_has_role(role.oid, 'bi_agency', 'MEMBER')"
        " and role.oid <> (select datdba from pg_database where datname = current_database())"
        " or login.login is not null"
    ).fetchall()
    for login, has_powers, unit, groups in rows:
        if unit is None:
            yield f"{login} has no unit: it sees no unit's rows"
        if has_powers or set(groups) != {"bi_agency"}:
            yield f"{login} is more than the login of a unit: {', '.join(groups) or 'rights of its own'}"


def _value(connection: psycopg.Connection[Any], query: str, values: list[object] | None = None) -> Any:
    row = connection.execute(query.encode(), values).fetchone()
    return row[0] if row else None
