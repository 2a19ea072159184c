"""What holds for every model of the dbt project, read off the manifest that dbt itself makes of it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from onestop.resources import resource

PROJECT = resource("dbt_project")
# The models that write down rules of contracts/metrics.md: each must be shown to follow them.
RULES = {
    "stg_one_stop__dossier",
    "stg_portal__file",
    "stg_portal__dossier",
    "stg_portal__payment",
    "stg_feedback__case",
    "int_portal__file",
    "int_dossier__delivered",
    "int_dossier__version",
    "int_dossier__link",
    "int_dossier__winner",
    "int_dossier__contribution",
    "int_dossier__counted",
    "int_dossier__working_time",
    "int_time__day",
    "int_feedback__case",
    "int_agency__path",
    "int_agency__span",
    "int_agency__label",
    "int_period__period",
    "int_metric__month_cell",
    "int_metric__place_cell",
    "int_metric__unit_cell",
    "int_reconciliation__pair",
}
FORM = [
    "received_total",
    "received_online",
    "received_direct_postal",
    "received_carried_over",
    "resolved_total",
    "resolved_early",
    "resolved_on_time",
    "resolved_overdue",
    "in_progress_total",
    "in_progress_within",
    "in_progress_overdue",
]
PERIOD = ["period_convention", "period", "period_from", "period_to", "org_view", "agency_code"]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("dbt")
    nowhere = {"type": "postgres", "host": "127.0.0.1", "port": 9, "user": "u", "password": "p", "dbname": "d"}
    profile = {"onestop": {"target": "t", "outputs": {"t": {**nowhere, "schema": "intermediate", "threads": 1}}}}
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile))
    subprocess.run(
        [
            *(Path(sys.executable).parent / "dbt", "parse", "--project-dir", PROJECT, "--profiles-dir", folder),
            *("--target-path", folder / "target", "--log-path", folder / "logs"),
        ],
        check=True,
        capture_output=True,
        env={**os.environ, "DO_NOT_TRACK": "1", "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"},
    )
    content: dict[str, Any] = json.loads((folder / "target" / "manifest.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="module")
def models(manifest: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = {node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    assert len(found) == len(list((PROJECT / "models").rglob("*.sql"))) > 25
    return found


def test_layers_lie_in_their_schemas_and_read_downwards_only(models: dict[str, dict[str, Any]]) -> None:
    order = ["staging", "intermediate", "mart", "report"]
    assert {node["schema"] for node in models.values()} == set(order)
    checked = 0
    for node in models.values():
        for upstream in node["depends_on"]["nodes"]:
            name = upstream.split(".")[-1]
            if name in models:
                assert order.index(models[name]["schema"]) <= order.index(node["schema"]), (node["name"], name)
                checked += 1
    assert checked > 40


def test_sources_are_read_in_staging_only(models: dict[str, dict[str, Any]]) -> None:
    readers = {n["name"] for n in models.values() if any(u.startswith("source.") for u in n["depends_on"]["nodes"])}
    assert readers
    assert {models[name]["schema"] for name in readers} == {"staging"}


def test_marts_and_reports_keep_a_contract(models: dict[str, dict[str, Any]]) -> None:
    public = [node for node in models.values() if node["schema"] in ("mart", "report")]
    assert len(public) >= 9
    for node in public:
        assert node["config"]["contract"]["enforced"] is True, node["name"]
        assert node["access"] == "public", node["name"]
        assert all(column["data_type"] for column in node["columns"].values()), node["name"]
        types = {column["data_type"] for column in node["columns"].values()}
        assert not {kind for kind in types if re.match(r"numeric\s*\(", kind)}, node["name"]
    assert all(n["access"] == "private" for n in models.values() if n["schema"] in ("staging", "intermediate"))


def test_every_model_and_column_says_what_it_is(models: dict[str, dict[str, Any]]) -> None:
    columns = 0
    for node in models.values():
        assert node["description"], node["name"]
        assert node["columns"], node["name"]
        for column in node["columns"].values():
            assert column["description"], (node["name"], column["name"])
            columns += 1
    assert columns > 250


def test_names_fit_into_postgresql(models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        assert len(f"{node['name']}__dbt_backup".encode()) < 63, node["name"]


def test_every_rule_has_a_unit_test(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    assert models.keys() >= RULES
    assert tested >= RULES
    assert len(manifest["unit_tests"]) >= 30


def test_a_dossiers_versions_are_read_in_one_place(models: dict[str, dict[str, Any]]) -> None:
    delivered = {"model.onestop.stg_one_stop__dossier", "model.onestop.stg_portal__dossier"}
    readers = {name for name, node in models.items() if delivered & set(node["depends_on"]["nodes"])}
    assert readers == {"int_dossier__delivered"}


def test_public_tables_have_their_columns_in_order(models: dict[str, dict[str, Any]]) -> None:
    assert list(models["quarterly_metric"]["columns"]) == [
        *PERIOD,
        *("agency_level", "field_code", "metric_code", "numerator", "denominator", "value", "metric_version"),
    ]
    assert list(models["fct_dossier"]["columns"])[-2:] == ["is_portal_only", "known_to_portal"]
    assert list(models["form_ii_06a"]["columns"]) == [*PERIOD, "agency_name_vi", *FORM]
    assert list(models["form_ii_06a_field"]["columns"]) == [
        *PERIOD,
        *("agency_name_vi", "field_code", "field_name_vi"),
        *FORM,
    ]


def test_nothing_comes_from_a_package(manifest: dict[str, Any]) -> None:
    assert {node["package_name"] for node in manifest["nodes"].values()} == {"onestop"}
    assert not (PROJECT / "packages.yml").exists()
