"""Logins for BI tools: one per unit, which sees the unit's rows alone, and those that read the whole province.

A login is a role of PostgreSQL with one group, bi_agency or bi_reader. Its password goes to the server as a verifier, so
that no log of it shows the password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from onestop.errors import ConfigurationError
from onestop.warehouse.audit import note

UNIT_GROUP, PROVINCE_GROUP = "bi_agency", "bi_reader"
_LIMITS = "connection limit 20"
# For whoever connects without settings of his own; what a login may do does not hang on them.
_SETTINGS = {"statement_timeout": "300s", "idle_in_transaction_session_timeout": "300s", "search_path": "mart, report"}
_NAME = re.compile(r"bi_[a-z0-9_]{1,59}")


@dataclass(frozen=True, slots=True)
class Login:
    """A login and the unit whose rows it sees; None: the whole province."""

    login: str
    agency_code: str | None


def login_of(agency_code: str) -> str:
    """The login of a unit: bi_h15_07 of H15.07."""
    return "bi_" + re.sub(r"[^a-z0-9]+", "_", agency_code.lower()).strip("_")


def logins(connection: psycopg.Connection[Any]) -> list[Login]:
    """The logins of this warehouse."""
    rows = connection.execute(
        "select login::text, agency_code from ops.bi_login union all select rolname::text, null from pg_roles"
        " where rolcanlogin and not rolsuper and exists (select from pg_auth_members as given"
        "  where given.member = pg_roles.oid and given.roleid = (select oid from pg_roles where rolname = %s))"
        " and oid <> (select datdba from pg_database where datname = current_database()) order by 1",
        [PROVINCE_GROUP],
    )
    return [Login(*row) for row in rows]


def add(connection: psycopg.Connection[Any], login: Login, password: str, *, by: str) -> None:
    """Make a login, or give one of the same unit another password; for the owner, who may make roles.

    Raises:
        ConfigurationError: there are no roles here, the unit or the name will not do, or the name is taken.
    """
    _require_roles(connection)
    if _NAME.fullmatch(login.login) is None or login.login in (UNIT_GROUP, PROVINCE_GROUP):
        raise ConfigurationError(
            f"{login.login!r} is no name for a login",
            next_step="take bi_ and small letters, digits or _, such as bi_planning",
        )
    if len(password) < 12:
        raise ConfigurationError("the password is too short", next_step="take at least 12 characters")
    if login.agency_code is not None and not _is_unit(connection, login.agency_code):
        raise ConfigurationError(
            f"no unit has the code {login.agency_code}", next_step="see the codes in reference/agencies.csv"
        )
    group = PROVINCE_GROUP if login.agency_code is None else UNIT_GROUP
    name = sql.Identifier(login.login)
    verifier = connection.pgconn.encrypt_password(password.encode(), login.login.encode(), b"scram-sha-256").decode()
    with connection.transaction():
        is_new = not connection.execute("select from pg_roles where rolname = %s", [login.login]).fetchall()
        if not is_new and login not in logins(connection):
            raise ConfigurationError(f"the name {login.login} is taken", next_step="choose another with --login")
        if is_new:
            connection.execute(sql.SQL("create role {} login " + _LIMITS).format(name))
            connection.execute(sql.SQL("grant {} to {}").format(sql.Identifier(group), name))
            if login.agency_code is not None:
                connection.execute(
                    "insert into ops.bi_login (login, agency_code) values (%s, %s)", [login.login, login.agency_code]
                )
            for setting, value in _SETTINGS.items():
                # The path is a list of names: as one literal it would be one name.
                given = sql.SQL(value) if setting == "search_path" else sql.Literal(value)
                connection.execute(sql.SQL("alter role {} set {} = {}").format(name, sql.Identifier(setting), given))
        connection.execute(sql.SQL("alter role {} password {}").format(name, sql.Literal(verifier)))
        _note(connection, "login made" if is_new else "password changed", login, by)


def remove(connection: psycopg.Connection[Any], name: str, *, by: str) -> None:
    """Take a login away, and end its sessions.

    Raises:
        ConfigurationError: there is no such login.
    """
    _require_roles(connection)
    login = next((one for one in logins(connection) if one.login == name), None)
    if login is None:
        raise ConfigurationError(f"there is no login {name}", next_step="see them with onestop roles list")
    role = sql.Identifier(name)
    with connection.transaction():
        connection.execute("delete from ops.bi_login where login = %s", [name])
        # A login holds nothing of its own; a role that somebody gave more to is not dropped behind his back.
        connection.execute(sql.SQL("alter role {} nologin").format(role))
        connection.execute(sql.SQL("drop role {}").format(role))
        _note(connection, "login removed", login, by)


def _is_unit(connection: psycopg.Connection[Any], code: str) -> bool:
    return bool(connection.execute("select from raw.agency where agency_code = %s limit 1", [code]).fetchall())


def _note(connection: psycopg.Connection[Any], action: str, login: Login, by: str) -> None:
    note(connection, action, f"{login.login}: {login.agency_code or 'the whole province'}", by)


def _require_roles(connection: psycopg.Connection[Any]) -> None:
    if not connection.execute("select ops.has_roles()").fetchall()[0][0]:
        raise ConfigurationError(
            "this database has no roles",
            next_step="give the DSN's role CREATEROLE, then run `onestop roles apply`",
        )
