"""Accounts and roles in an Airflow where people log in (AUTH_MANAGER); the local platform has one account and no roles.

Roles are this code's: `sync_roles` brings them to what is written here, whatever was clicked together since.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.pipeline import roles
from onestop.platform.deployed import AUTH_MANAGER
from onestop.warehouse.local_state import make_folder, write_private

ENGINEERS, APPROVERS, VIEWERS = "engineers", "approvers", "viewers"
ROLES = (ENGINEERS, APPROVERS, VIEWERS)
SHORTEST_PASSWORD = 12
_NAME = re.compile(r"[a-z][a-z0-9._-]{1,63}")
_ALREADY = "an account of that name or mail address exists"


@dataclass(frozen=True)
class Account:
    """Somebody who logs in to Airflow."""

    name: str
    mail: str
    roles: tuple[str, ...]
    is_active: bool


def permissions(role: str) -> set[tuple[str, str]]:
    """What a role may: pairs of an action and a resource of FAB. Viewers see; approvers answer, too; engineers do all
    but that, and cannot write the value that an answer leaves behind."""
    from airflow.providers.fab.auth_manager.security_manager.override import FabAirflowSecurityManagerOverride as Fab
    from airflow.providers.fab.www.security import permissions as fab

    question = fab.RESOURCE_HITL_DETAIL
    seen = {*Fab.VIEWER_PERMISSIONS, (fab.ACTION_CAN_ACCESS_MENU, question)}
    if role == VIEWERS:
        return seen
    if role == APPROVERS:
        return seen | {(fab.ACTION_CAN_EDIT, question)}
    done = {*Fab.USER_PERMISSIONS, *Fab.OP_PERMISSIONS, (fab.ACTION_CAN_READ, fab.RESOURCE_AUDIT_LOG)}
    done.add((fab.ACTION_CAN_ACCESS_MENU, fab.RESOURCE_AUDIT_LOG))
    changes = (fab.ACTION_CAN_CREATE, fab.ACTION_CAN_EDIT, fab.ACTION_CAN_DELETE)
    return (seen | done) - {(change, of) for change in changes for of in (question, fab.RESOURCE_XCOM)}


def sync_roles() -> None:
    """Make the roles that are missing, and give each what is written here, no more and no less.

    Raises:
        ConfigurationError: this Airflow has another auth manager.
    """
    with _fab() as (builder, manager):
        builder.add_permissions(update_perms=True)
        manager.sync_roles()
        for name in ROLES:
            role = manager.find_role(name) or manager.add_role(name)
            wanted = permissions(name)
            for held in list(role.permissions):
                if (held.action.name, held.resource.name) not in wanted:
                    manager.remove_permission_from_role(role, held)
            for action, resource in sorted(wanted):
                manager.add_permission_to_role(role, manager.create_permission(action, resource))


def accounts() -> list[Account]:
    """Who may log in."""
    with _fab() as (_, manager):
        return sorted((_account(user) for user in manager.get_all_users()), key=lambda one: one.name)


def add(settings: Settings, name: str, role: str, mail: str, password_file: Path | None = None, *, by: str) -> Path:
    """Make an account, and say in which file its password stands.

    Args:
        by: who does it, for the audit.
        password_file: the file that holds the password; None: one is made up and written to
            `.local/accounts/<name>.password`.

    Raises:
        ConfigurationError: the name, the role or the password will not do, or the account exists.
    """
    if not _NAME.fullmatch(name):
        raise ConfigurationError(f"{name!r} is no name of an account", next_step="small letters, digits, . _ - only")
    if role not in ROLES:
        raise ConfigurationError(f"there is no role {role!r}", next_step=f"choose one of: {', '.join(ROLES)}")
    password, file = _password(settings, name, password_file)
    with _fab() as (_, manager):
        if manager.find_user(username=name) or manager.find_user(email=mail):
            raise ConfigurationError(_ALREADY, next_step="see `onestop accounts list`")
        found = manager.find_role(role)
        if found is None:
            raise ConfigurationError(f"the role {role} is missing", next_step="run `onestop prepare` first")
        with roles.audited(settings, "account made", f"{name}: {role}", by=by):
            if not manager.add_user(name, name, role, mail, found, password):
                raise ConfigurationError(_ALREADY, next_step="see `onestop accounts list`")
    return _keep(file, password, password_file)


def set_password(settings: Settings, name: str, password_file: Path | None = None, *, by: str) -> Path:
    """Give an account a new password; the file in which it stands."""
    password, file = _password(settings, name, password_file)
    with _fab() as (_, manager):
        user = _user(manager, name)
        with roles.audited(settings, "account's password changed", name, by=by):
            manager.reset_password(user.id, password)
    return _keep(file, password, password_file)


def remove(settings: Settings, name: str, *, by: str) -> None:
    """Take an account away; its tokens end within seconds."""
    with _fab() as (_, manager):
        user = _user(manager, name)
        with roles.audited(settings, "account removed", name, by=by):
            user.roles.clear()
            manager.del_register_user(user)
    _file(settings, name).unlink(missing_ok=True)


@contextmanager
def _fab() -> Iterator[tuple[Any, Any]]:
    """FAB's application and its security manager, as Airflow's own commands open them."""
    with _quiet():
        from airflow.configuration import conf

        if conf.get("core", "auth_manager") != AUTH_MANAGER:
            raise ConfigurationError(
                "this Airflow has no accounts of its own (the local platform has one: admin)",
                next_step=f"set AIRFLOW__CORE__AUTH_MANAGER={AUTH_MANAGER} and the database of that Airflow",
            )
        from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

        with get_application_builder() as builder:
            yield builder, builder.sm


@contextmanager
def _quiet() -> Iterator[None]:
    """Without Airflow's log, which goes to where a command's own words belong."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _user(manager: Any, name: str) -> Any:
    user = manager.find_user(username=name)
    if user is None:
        raise ConfigurationError(f"there is no account {name!r}", next_step="see `onestop accounts list`")
    return user


def _account(user: Any) -> Account:
    return Account(user.username, user.email, tuple(sorted(role.name for role in user.roles)), bool(user.is_active))


def _password(settings: Settings, name: str, given: Path | None) -> tuple[str, Path]:
    if given is None:
        return secrets.token_urlsafe(18), _file(settings, name)
    try:
        password = given.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigurationError(f"{given} cannot be read: {problem}", next_step="name a text file") from None
    if len(password) < SHORTEST_PASSWORD:
        raise ConfigurationError(
            f"the password in {given} is too short", next_step=f"{SHORTEST_PASSWORD} characters at least"
        )
    return password, given


def _keep(file: Path, password: str, given: Path | None) -> Path:
    if given is None:
        make_folder(file.parent)
        write_private(file, password + "\n")
    return file


def _file(settings: Settings, name: str) -> Path:
    return settings.local / "accounts" / f"{name}.password"
