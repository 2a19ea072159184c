"""Superset's data sets, put together from the short files in bundle/datasets: descriptions of columns from the tables'
contract, names and meaning of metrics from the registry. Written once there, shown here.

A figure of the registry is never added up by a chart: its metric shows the one row that it asks for, else nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, cast

import yaml

from onestop.resources import resource

BUNDLE = Path(__file__).parent / "bundle"
_FORMATS = {"ratio": ",.2%", "point": ",.1%", "working day": ",.1f"}
_CERTIFIED_BY = "Sổ đăng ký chỉ tiêu"


def names() -> list[str]:
    """The data sets."""
    return sorted(path.stem for path in (BUNDLE / "datasets").glob("*.yml"))


@cache
def short(name: str) -> dict[str, Any]:
    """A data set as its short file has it."""
    return cast(dict[str, Any], yaml.safe_load((BUNDLE / "datasets" / f"{name}.yml").read_text(encoding="utf-8")))


def query(name: str) -> str:
    """Its SQL, with what data sets share filled in."""
    text = str(short(name)["sql"])
    for word, joined in _labels()["joins"].items():
        text = text.replace("{" + word + "}", joined)
    return text.strip()


def data_set(name: str, uuid: str, database_uuid: str) -> dict[str, Any]:
    """A data set as Superset's import takes it."""
    given = short(name)
    columns = [_column(given, column) for column in columns_of(name)]
    return {
        "table_name": name,
        "description": given["title"],
        "main_dttm_col": given.get("time"),
        "schema": "mart",
        "sql": query(name),
        "extra": {"certification": {"certified_by": _CERTIFIED_BY, "details": ", ".join(given["tables"])}},
        "filter_select_enabled": True,
        "columns": columns,
        "metrics": list(_metrics(given, [column["column_name"] for column in columns])),
        "uuid": uuid,
        "database_uuid": database_uuid,
        "version": "1.0.0",
    }


def columns_of(name: str) -> list[str]:
    """The columns that its SQL gives, in their order."""
    import sqlglot

    parsed = sqlglot.parse_one(query(name), dialect="postgres")
    return [column.alias_or_name for column in parsed.expressions]


def _column(given: dict[str, Any], name: str) -> dict[str, Any]:
    """One column: computed by the data set, or of the first of its tables that has it."""
    words = _labels()
    own = given.get("computed", {}).get(name) or words["computed"].get(name)
    if own is not None:
        label, kind, description = own["label"], own["type"], own["description"]
    else:
        column = next(_contract()[table][name] for table in given["tables"] if name in _contract()[table])
        registered = registry().get(name)
        label = registered["name_vi"] if registered else words["labels"][name]
        kind, description = str(column["data_type"]).upper(), " ".join(str(column["description"]).split())
    return {
        "column_name": name,
        "verbose_name": label,
        "description": description,
        "type": kind,
        "is_dttm": kind.startswith(("DATE", "TIMESTAMP")) and not kind.startswith("DATEM"),
        "groupby": True,
        "filterable": True,
        "is_active": True,
    }


def _metrics(given: dict[str, Any], columns: list[str]) -> Iterator[dict[str, Any]]:
    if given["metrics"] == "registry":
        for code in registry():
            of_it = f"filter (where metric_code = '{code}')"
            yield _registered(code, f"case when count(*) {of_it} = 1 then max(value) {of_it} end")
    elif given["metrics"] == "form":
        for code in registry():
            if code in columns:
                # Another name than the column's, which a table of single rows shows.
                yield _registered(code, f"case when count(*) = 1 then max({code}) end") | {"metric_name": f"one_{code}"}
    else:
        for one in given["metrics"]:
            yield {
                "metric_name": one["name"],
                "verbose_name": one["label"],
                "expression": one["sql"],
                "description": one["description"],
                "d3format": one["format"],
            }


def _registered(code: str, expression: str) -> dict[str, Any]:
    row = registry()[code]
    counted = row["numerator"] + (f" / {row['denominator']}" if row["denominator"] else "")
    return {
        "metric_name": code,
        "verbose_name": row["name_vi"],
        "expression": expression,
        "description": f"{row['name_en']}: {counted}. {row['legal_basis']}.",
        "d3format": _FORMATS.get(row["unit"], ",d"),
        "extra": {"certification": {"certified_by": _CERTIFIED_BY, "details": row["legal_basis"]}},
    }


@cache
def registry() -> dict[str, dict[str, str]]:
    """The metrics of the registry, by code."""
    with (resource("dbt_project") / "seeds" / "metric_definition.csv").open(encoding="utf-8", newline="") as file:
        return {row["metric_code"]: row for row in csv.DictReader(file)}


@cache
def _labels() -> dict[str, Any]:
    return cast(dict[str, Any], yaml.safe_load((BUNDLE / "labels.yml").read_text(encoding="utf-8")))


@cache
def _contract() -> dict[str, dict[str, dict[str, Any]]]:
    """Every column of mart and report as dbt declares it, by table and name."""
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for schema, layer in (("mart", "marts"), ("report", "reports")):
        for path in sorted((resource("dbt_project") / "models" / layer).rglob("*.yml")):
            for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models") or []:
                found[f"{schema}.{model['name']}"] = {column["name"]: column for column in model["columns"]}
    return found
