"""`onestop bi export`: the province's charts and dashboards as they are in Superset now, written as the repository has them.

What belongs to one Superset alone is left out: numbers of its rows, colours that it chose itself, kept queries. So what was
imported and not changed comes back byte for byte. Data sets are not written: they are made from the registry and the
tables' contract.
"""

from __future__ import annotations

import json
import re
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import yaml

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.platform.bi import bundle, datasets, environment, server

_OF_A_ROW = ("datasource", "slice_id", "dashboards", "url_params", "query_context")
_OF_A_BOARD = (
    *("chart_configuration", "global_chart_configuration", "shared_label_colors", "map_label_colors"),
    *("color_scheme_domain", "label_colors", "timed_refresh_immune_slices", "expanded_slices", "default_filters"),
)


def export(settings: Settings, output: Path) -> list[Path]:
    """Write charts/ and dashboards/ into a folder; files of charts that are there no more are removed.

    Raises:
        ConfigurationError: there is no Superset yet, or it has a chart over a data set that is not ours.
    """
    bi = server.Bi(settings)
    if not (bi.home / "onestop.json").is_file():
        raise ConfigurationError("there is no Superset yet", next_step="run onestop bi up first")
    province = bundle.Connection(server.PROVINCE_LOGIN, "")
    with tempfile.NamedTemporaryFile("r", encoding="utf-8", suffix=".json") as file:
        bi.inside(environment.python_of(settings.local), "dump.py", province.uuid, file.name)
        found = json.load(file)
    content = {path: yaml.safe_load(text) for path, text in found.items()}
    charts = {c["uuid"]: _chart(c) for path, c in content.items() if "/charts/" in f"/{path}"}
    boards = {b["uuid"]: _board(b) for path, b in content.items() if "/dashboards/" in f"/{path}"}
    ours = {bundle.dataset_uuid(name) for name in datasets.names()}
    if strange := [chart["slice_name"] for chart in charts.values() if chart["dataset_uuid"] not in ours]:
        raise ConfigurationError(
            f"these charts use a data set that is not in the bundle: {', '.join(strange)}",
            next_step="describe the data set in bundle/datasets, or take the charts off the dashboards",
        )
    written = _write(output / "charts", charts, "slice_name") + _write(output / "dashboards", boards, "slug")
    return sorted(written)


def _chart(content: dict[str, Any]) -> dict[str, Any]:
    kept = _without_nothing({k: v for k, v in content.items() if k not in _OF_A_ROW})
    kept["params"] = {k: v for k, v in content["params"].items() if k not in _OF_A_ROW}
    return kept


def _board(content: dict[str, Any]) -> dict[str, Any]:
    """A dashboard; its charts are numbered in the order in which they stand, and filters speak of them by that number."""
    board = _without_nothing(content)
    position, metadata = board["position"], board["metadata"]
    order = [uuid for uuid, _ in sorted(_places(position, "ROOT_ID"), key=lambda place: place[1])]
    numbers = {node["meta"]["chartId"]: order.index(node["meta"]["uuid"]) + 1 for node in bundle.chart_nodes(position)}
    for node in bundle.chart_nodes(position):
        node["meta"]["chartId"] = numbers[node["meta"]["chartId"]]
    board["metadata"] = {key: value for key, value in metadata.items() if key not in _OF_A_BOARD}
    for one in metadata.get("native_filter_configuration", []):
        for key in ("chartsInScope", "tabsInScope"):
            one.pop(key, None)
        one["scope"]["excluded"] = [numbers[i] for i in one["scope"]["excluded"] if i in numbers]
    return board


def _places(position: dict[str, Any], node_id: str, before: tuple[int, ...] = ()) -> list[tuple[str, tuple[int, ...]]]:
    """The charts under a place, each with where it stands."""
    node = position[node_id]
    if node["type"] == "CHART":
        return [(node["meta"]["uuid"], before)]
    found = []
    for number, child in enumerate(node.get("children", [])):
        found += _places(position, child, (*before, number))
    return found


def _without_nothing(content: dict[str, Any]) -> dict[str, Any]:
    dull: tuple[object, ...] = (None, [], False, "")
    return {key: value for key, value in content.items() if value not in dull or key in ("published", "position")}


def _write(folder: Path, contents: dict[str, dict[str, Any]], named_by: str) -> list[Path]:
    """Each in the file that had it, else in one named after it."""
    folder.mkdir(parents=True, exist_ok=True)
    packaged = datasets.BUNDLE / folder.name
    names = {yaml.safe_load(path.read_text(encoding="utf-8"))["uuid"]: path.name for path in packaged.glob("*.yaml")}
    names |= {yaml.safe_load(path.read_text(encoding="utf-8"))["uuid"]: path.name for path in folder.glob("*.yaml")}
    written = []
    for uuid, content in contents.items():
        path = folder / names.get(uuid, f"{_ascii(content.get(named_by) or uuid)}-{uuid[:8]}.yaml")
        path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=True, width=120), encoding="utf-8")
        written.append(path)
    for path in set(folder.glob("*.yaml")) - set(written):
        path.unlink()
    return written


def _ascii(text: str) -> str:
    plain = unicodedata.normalize("NFD", text.lower().replace("đ", "d")).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:60]
