"""Runs in Superset's own environment: `python dump.py UUID FILE` writes the charts and dashboards of one connection as
JSON {path: YAML}, as Superset's own export writes them."""

import json
import sys
from pathlib import Path

from superset.app import create_app


def main() -> None:
    """Write them."""
    with create_app().app_context():
        from flask import g
        from superset import db, security_manager
        from superset.commands.chart.export import ExportChartsCommand
        from superset.commands.dashboard.export import ExportDashboardsCommand
        from superset.connectors.sqla.models import SqlaTable
        from superset.models.dashboard import Dashboard
        from superset.models.slice import Slice

        g.user = next(user for user in security_manager.get_all_users() if any(r.name == "Admin" for r in user.roles))
        data_sets = {one.id for one in db.session.query(SqlaTable).all() if str(one.database.uuid) == sys.argv[1]}
        charts = {one.id for one in db.session.query(Slice).all() if one.datasource_id in data_sets}
        boards = [
            one.id for one in db.session.query(Dashboard).all() if one.slices and {s.id for s in one.slices} <= charts
        ]
        found = {}
        for command in (ExportDashboardsCommand(boards), ExportChartsCommand(list(charts))):
            found.update({path: content() for path, content in command.run()})
        Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
