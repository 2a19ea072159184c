"""The dashboards in the repository, as one connection's own: the province's as they stand, a unit's as a copy of those that
its rows can fill, with keys of its own, so that no chart, cache or right is shared between two logins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg.conninfo
import sqlalchemy
import yaml

from onestop.platform.bi import datasets

PROVINCE_ALONE = frozenset({"province-quarter", "pipeline-health"})
"""Dashboards of the province as a whole; a unit has the others."""
_OURS = uuid5(NAMESPACE_URL, "onestop/superset")
_TLS = ("sslmode", "sslrootcert")


@dataclass(frozen=True, slots=True)
class Connection:
    """One login's way into the warehouse. unit: its code and name; None: the province."""

    login: str
    dsn: str
    unit: tuple[str, str] | None = None

    @property
    def uuid(self) -> str:
        """The key of the connection in Superset."""
        return str(uuid5(_OURS, f"connection {self.login}"))

    @property
    def role(self) -> str:
        """The role in Superset that reads this connection's data sets."""
        return f"Onestop {self.login}"

    def own(self, uuid: str) -> str:
        """This connection's copy of something that the province has under `uuid`."""
        return uuid if self.unit is None else str(uuid5(UUID(uuid), self.login))


def dataset_uuid(name: str) -> str:
    """The key of the province's data set."""
    return str(uuid5(_OURS, f"data set {name}"))


def assets(connection: Connection, folder: Path = datasets.BUNDLE) -> dict[str, str]:
    """All that Superset's import takes for one connection: path to YAML, without `metadata.yaml`."""
    names = [n for n in datasets.names() if connection.unit is None or not datasets.short(n).get("province_only")]
    left_out = {dataset_uuid(n) for n in datasets.names()} - {dataset_uuid(n) for n in names}
    found: dict[str, Any] = {f"databases/{connection.login}.yaml": _database(connection)}
    for name in names:
        made = datasets.data_set(name, dataset_uuid(name), connection.uuid)
        if connection.unit is not None:  # a name is there once in a whole Superset, where its tables are in SQLite
            made["table_name"] = f"{name}_{connection.login}"
        found[f"datasets/{connection.login}/{name}.yaml"] = made
    charts = {path.stem: _yaml(path) for path in sorted((folder / "charts").glob("*.yaml"))}
    kept = {stem: chart for stem, chart in charts.items() if chart["dataset_uuid"] not in left_out}
    boards = {path.stem: _yaml(path) for path in sorted((folder / "dashboards").glob("*.yaml"))}
    if connection.unit is not None:
        boards = {
            s: _of_unit(board, connection.unit) for s, board in boards.items() if board["slug"] not in PROVINCE_ALONE
        }
    gone = {chart["uuid"] for chart in charts.values()} - {chart["uuid"] for chart in kept.values()}
    for board in boards.values():
        _take_out(board["position"], gone)
    shown = {node["meta"]["uuid"] for board in boards.values() for node in chart_nodes(board["position"])}
    for stem, chart in kept.items():
        if chart["uuid"] in shown:
            found[f"charts/{connection.login}/{stem}.yaml"] = chart
    for stem, board in boards.items():
        found[f"dashboards/{connection.login}/{stem}.yaml"] = board
    return {path: _text(content, connection) for path, content in found.items()}


def chart_nodes(position: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The places of charts on a dashboard."""
    return [node for node in position.values() if isinstance(node, dict) and node["type"] == "CHART"]


def metadata() -> str:
    """What says that the files are a bundle of Superset's."""
    return yaml.safe_dump({"version": "1.0.0", "type": "assets", "timestamp": "2024-01-01T00:00:00+00:00"})


def _database(connection: Connection) -> dict[str, Any]:
    """A connection that charts alone use: no SQL Lab, no writing, no uploads. Its password is in no file of the bundle."""
    given = psycopg.conninfo.conninfo_to_dict(connection.dsn)
    uri = sqlalchemy.URL.create(
        "postgresql+psycopg2",
        connection.login,
        host=str(given.get("host") or "127.0.0.1"),
        port=int(given.get("port") or 5432),
        database=str(given.get("dbname")),
        query={key: str(given[key]) for key in _TLS if given.get(key)},
    )
    off = ("expose_in_sqllab", "allow_run_async", "allow_ctas", "allow_cvas", "allow_dml", "allow_file_upload")
    name = "Onestop, toàn tỉnh" if connection.unit is None else f"Onestop, {' '.join(reversed(connection.unit))}"
    return {
        "database_name": name,
        "sqlalchemy_uri": uri.render_as_string(hide_password=False),
        **dict.fromkeys(off, False),
        "impersonate_user": False,
        "extra": {"allows_virtual_table_explore": False, "metadata_params": {}, "engine_params": {}},
        "uuid": connection.uuid,
        "version": "1.0.0",
    }


def _of_unit(board: dict[str, Any], unit: tuple[str, str]) -> dict[str, Any]:
    code, name = unit
    own = f"{board['dashboard_title']} – {name}"
    return board | {"dashboard_title": own, "slug": f"{board['slug']}-{code.lower().replace('.', '-')}"}


def _take_out(position: dict[str, Any], gone: set[str]) -> None:
    """Remove charts from a dashboard, and rows that are left empty."""
    for node in chart_nodes(position):
        if node["meta"]["uuid"] in gone:
            _drop(position, node["id"])
    for node in [n for n in position.values() if isinstance(n, dict) and n["type"] == "ROW" and not n["children"]]:
        _drop(position, node["id"])


def _drop(position: dict[str, Any], node_id: str) -> None:
    del position[node_id]
    for node in position.values():
        if isinstance(node, dict) and node_id in node.get("children", []):
            node["children"].remove(node_id)


def _text(content: dict[str, Any], connection: Connection) -> str:
    """As YAML; keys that the province's copy has are changed to this connection's own."""
    text = json.dumps(content)
    for uuid in _uuids(content) if connection.unit is not None else ():
        if uuid != connection.uuid:
            text = text.replace(uuid, connection.own(uuid))
    return yaml.safe_dump(json.loads(text), allow_unicode=True, sort_keys=False, width=120)


def _uuids(content: Any) -> set[str]:
    if isinstance(content, dict):
        own = {value for key, value in content.items() if key.lower().endswith("uuid") and isinstance(value, str)}
        return own.union(*map(_uuids, content.values()))
    return set().union(*map(_uuids, content)) if isinstance(content, list) else set()


def _yaml(path: Path) -> dict[str, Any]:
    return cast(dict[str, Any], yaml.safe_load(path.read_text(encoding="utf-8")))
