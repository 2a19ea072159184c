"""Runs in Superset's own environment: brings its tables, accounts, roles, connections and dashboards to what a file says.

`python provision.py FILE`; the file (JSON, made by onestop.platform.bi.plan) holds
  upgrade: whether Superset's tables and permissions are to be made anew, as after a new version;
  accounts: [{username, password, roles: [name], first_name, last_name}]; password none: as it is;
  roles: {name: [uuid of each connection whose data sets it reads]};
  assets: {path: YAML} as Superset's import takes them; gone: accounts, roles and connections to take away.
The same file twice changes nothing.
"""

import json
import sys
from pathlib import Path
from typing import Any

from flask import g
from superset.app import create_app

ADMIN, VIEWER = "Admin", "Onestop viewer"
# All that looking at dashboards takes: no SQL Lab, no writing of charts, dashboards, data sets or connections.
VIEWER_RIGHTS = {
    "Chart": ("can_read", "can_export_image"),
    "Dashboard": ("can_read", "can_drill", "can_view_chart_as_table", "can_cache_dashboard_screenshot"),
    "Dataset": ("can_read", "can_get_drill_info"),
    "CurrentUserRestApi": ("can_read",),
    "CssTemplate": ("can_read",),
    "DashboardFilterStateRestApi": ("can_read", "can_write"),
    "DashboardPermalinkRestApi": ("can_read", "can_write"),
    "ExploreFormDataRestApi": ("can_read", "can_write"),
    "Explore": ("can_read",),
    "EmbeddedDashboard": ("can_read",),
    "AdvancedDataType": ("can_read",),
    "Theme": ("can_read",),
    "MenuApi": ("can_get",),
    "Api": ("can_query", "can_query_form_data", "can_time_range"),
    "Superset": (
        *("can_dashboard", "can_dashboard_permalink", "can_csv", "can_explore_json", "can_fetch_datasource_metadata"),
        *("can_language_pack", "can_log", "can_slice"),
    ),
    "Log": ("can_recent_activity",),
    "Home": ("menu_access",),
    "Dashboards": ("menu_access",),
    "ResetMyPasswordView": ("can_this_form_get", "can_this_form_post"),
    "UserDBModelView": ("can_userinfo", "resetmypassword"),
}


def main() -> None:
    """Do what the file says."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    with create_app().app_context():
        if plan["upgrade"]:
            _upgrade()
        _viewer_role()
        for name in plan["roles"]:
            _role(name)
        for account in plan["accounts"]:
            _account(**account)
        _import(plan["assets"])
        for name, uuids in plan["roles"].items():
            _grant(name, uuids)
        for uuid in plan["gone"]["connections"]:
            _remove_connection(uuid)
        _remove_people(plan["gone"])
        _refuse_public()


def _upgrade() -> None:
    from flask_migrate import upgrade
    from superset import appbuilder, security_manager

    upgrade()
    appbuilder.add_permissions(update_perms=True)
    security_manager.sync_role_definitions()


def _manager() -> Any:
    from superset import security_manager

    return security_manager


def _role(name: str) -> Any:
    return _manager().find_role(name) or _manager().add_role(name)


def _viewer_role() -> None:
    from superset import db

    manager, role = _manager(), _role(VIEWER)
    found = [
        manager.find_permission_view_menu(right, view) for view, rights in VIEWER_RIGHTS.items() for right in rights
    ]
    role.permissions = [one for one in found if one is not None]
    db.session.commit()


def _account(username: str, password: str | None, roles: list[str], first_name: str, last_name: str) -> None:
    from superset import db

    manager = _manager()
    wanted = [_role(name) for name in roles]
    user = manager.find_user(username=username)
    if user is None:
        user = manager.add_user(
            username, first_name, last_name, f"{username}@onestop.invalid", wanted, password=password or ""
        )
        if not user:
            raise SystemExit(f"the account {username} cannot be made")
    elif password is not None:
        manager.reset_password(user.id, password)
    user.roles, user.first_name, user.last_name = wanted, first_name, last_name
    db.session.commit()


def _import(assets: dict[str, str]) -> None:
    from superset.commands.importers.v1.assets import ImportAssetsCommand

    if not assets:
        return
    g.user = next(user for user in _manager().get_all_users() if any(role.name == ADMIN for role in user.roles))
    ImportAssetsCommand(assets).run()


def _connections(uuids: list[str]) -> list[Any]:
    from superset import db
    from superset.models.core import Database

    return [one for one in db.session.query(Database).all() if str(one.uuid) in uuids]


def _data_sets(connection: Any) -> list[Any]:
    from superset import db
    from superset.connectors.sqla.models import SqlaTable

    return list(db.session.query(SqlaTable).filter_by(database_id=connection.id).all())


def _grant(name: str, uuids: list[str]) -> None:
    """A role reads the data sets of its connections one by one; the connection itself, and so any SQL, stays closed."""
    from superset import db

    manager, role = _manager(), _role(name)
    rights = []
    for connection in _connections(uuids):
        for data_set in _data_sets(connection):
            rights.append(manager.add_permission_view_menu("datasource_access", data_set.perm))
    role.permissions = rights
    db.session.commit()


def _remove_connection(uuid: str) -> None:
    from superset import db
    from superset.models.dashboard import Dashboard
    from superset.models.slice import Slice

    for connection in _connections([uuid]):
        data_sets = _data_sets(connection)
        ids = [one.id for one in data_sets]
        charts = db.session.query(Slice).filter(Slice.datasource_id.in_(ids)).all()
        of_it = {chart.id for chart in charts}
        for dashboard in db.session.query(Dashboard).all():
            if dashboard.slices and {chart.id for chart in dashboard.slices} <= of_it:
                db.session.delete(dashboard)
        for one in (*charts, *data_sets, connection):
            db.session.delete(one)
        db.session.commit()


def _remove_people(gone: dict[str, list[str]]) -> None:
    from superset import db

    for username in gone["accounts"]:
        if user := _manager().find_user(username=username):
            user.active, user.roles = False, []  # the log of what was looked at still names the account
    for name in gone["roles"]:
        if role := _manager().find_role(name):
            role.permissions = []
            db.session.delete(role)
    db.session.commit()


def _refuse_public() -> None:
    role = _manager().find_role("Public")
    if role is not None and role.permissions:
        raise SystemExit("the role Public has rights; take them away (Settings > List Roles), then start again")


if __name__ == "__main__":
    main()
