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
    "int_dossier__measured",
    "int_portal__payment",
    "int_portal__rating",
    "int_metric__late_apology",
    "int_metric__used_procedure",
    "int_metric__online_procedure",
    "int_metric__processing_percentile",
    "int_metric__certifying_commune",
    "int_metric__fee_procedure",
    "int_metric__score_part",
    "int_metric__month_cell",
    "int_metric__place_cell",
    "int_metric__unit_cell",
    "stg_quarantine__row",
    "int_quarantine__open",
    "int_quarantine__uncertain",
    "int_quarantine__cell",
    "int_reconciliation__pair",
    "int_agency__place",
    "int_agency__place_unit",
    "int_agency__place_level",
    "int_procedure__span",
    "int_field__name",
    "int_period__month",
    "int_metric__feedback_figure",
    "int_metric__procedure_figure",
    "int_metric__reference_figure",
    "metric_rank",
    "metric_comparison",
    "form_ii_06a",
    "stg_reference__target",
    "stg_reference__procedure",
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
    assert not [
        n["name"] for n in models.values() if n["schema"] in ("staging", "intermediate") and n["access"] == "public"
    ]


def test_every_model_belongs_to_an_office_that_answers_for_it(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    owners = {group["name"]: group["owner"]["name"] for group in manifest["groups"].values()}
    assert len(owners) >= 5
    assert all(owners.values())
    assert {node["group"] for node in models.values()} == set(owners)
    assert models["fct_feedback"]["group"] == "feedback"
    assert models["dim_agency"]["group"] == "organisation"


def generic_tests(manifest: dict[str, Any], *kinds: str) -> set[str]:
    """The models that have a generic test of one of these kinds."""
    return {
        node["attached_node"].split(".")[-1]
        for node in manifest["nodes"].values()
        if (node.get("test_metadata") or {}).get("name") in kinds and node["attached_node"]
    }


def test_every_public_table_has_its_keys(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    public = {name: node for name, node in models.items() if node["schema"] in ("mart", "report")}
    by_test = generic_tests(manifest, "primary_key")
    by_index = {
        name
        for name, node in public.items()
        for index in node["config"].get("indexes") or []
        if index.get("unique")
        and all({"type": "not_null"}.items() <= c.items() for c in _constraints(node, index["columns"]))
    }
    # A view has the keys of the tables that it shows; of the two that compare, the test looks at the newest period.
    tables = {name for name, node in public.items() if node["config"]["materialized"] != "view"}
    assert tables - by_test - by_index == set()
    pointing = generic_tests(manifest, "foreign_key")
    assert {name for name in tables if "period" in public[name]["columns"]} - pointing <= {"dim_period"}
    assert pointing >= {
        "fct_dossier",
        "fct_feedback",
        "dim_agency",
        "dim_procedure",
        "metric_target",
        "quarterly_metric",
    }


def _constraints(node: dict[str, Any], columns: list[str]) -> list[dict[str, Any]]:
    return [next(iter(node["columns"][column]["constraints"]), {}) for column in columns]


def test_no_test_is_muted(manifest: dict[str, Any]) -> None:
    tests = [node for node in manifest["nodes"].values() if node["resource_type"] == "test"]
    assert len(tests) >= 230
    assert not [name for name, nodes in manifest["disabled"].items() if nodes]
    for node in tests:
        config = node["config"]
        assert config["severity"].lower() == "error", node["name"]
        assert (config["error_if"], config["warn_if"], config["limit"]) == ("!= 0", "!= 0", None), node["name"]
    # Where a test looks at a part only, the part is named here.
    parts = {node["name"]: node["config"]["where"] for node in tests if node["config"]["where"]}
    assert set(parts) == {
        *("comparisons_stand_once", "comparisons_name_known_periods"),
        *("years_to_date_stand_once", "years_to_date_name_known_periods"),
    }
    # What a build that follows the change leaves out, but for one in seven days.
    assert [node["name"] for node in tests if node["tags"]] == ["form_recounts_from_facts"]


def test_exposures_name_the_tables_that_their_readers_read(
    manifest: dict[str, Any], models: dict[str, dict[str, Any]]
) -> None:
    root = PROJECT.parent
    assert len(manifest["exposures"]) >= 3
    for exposure in manifest["exposures"].values():
        assert exposure["owner"]["name"], exposure["name"]
        assert exposure["url"], exposure["name"]
        assert exposure["description"], exposure["name"]
        named = {unique_id.split(".")[-1] for unique_id in exposure["depends_on"]["nodes"]}
        assert {models[name]["access"] for name in named} == {"public"}, exposure["name"]
        code = "".join((root / path).read_text(encoding="utf-8") for path in exposure["config"]["meta"]["readers"])
        assert named == set(re.findall(r"\b(?:mart|report)\.([a-z][a-z0-9_]+)", code)) & models.keys(), exposure["name"]


def test_every_reader_of_public_tables_is_exposed(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    exposed = {path for e in manifest["exposures"].values() for path in e["config"]["meta"]["readers"]}
    root = PROJECT.parent
    asking = re.compile(r"\b(?:from|join)\s+(?:mart|report)\.([a-z][a-z0-9_]+)")
    readers = {
        path.relative_to(root).as_posix()
        for path in (root / "src" / "onestop").rglob("*.py")
        if models.keys() & set(asking.findall(path.read_text(encoding="utf-8")))
    }
    # The demonstration prints what it has just built.
    assert readers - exposed <= {"src/onestop/platform/demo.py"}


def test_sources_of_records_say_how_old_they_may_be(manifest: dict[str, Any]) -> None:
    raw = {node["name"]: node for node in manifest["sources"].values() if node["source_name"] == "raw"}
    limited = {name for name, node in raw.items() if node["freshness"] and node["freshness"]["warn_after"]["count"]}
    assert limited == {"one_stop_dossier", "portal_dossier", "portal_payment", "portal_rating", "feedback_case"}
    for name in limited:
        assert raw[name]["loaded_at_query"], name


def test_every_model_and_column_says_what_it_is(models: dict[str, dict[str, Any]]) -> None:
    columns = 0
    for node in models.values():
        assert node["description"], node["name"]
        assert node["columns"], node["name"]
        for column in node["columns"].values():
            assert column["description"], (node["name"], column["name"])
            columns += 1
    assert columns > 250


def test_names_fit_into_postgresql(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    for node in models.values():
        assert len(f"{node['name']}__dbt_backup".encode()) < 63, node["name"]
    tests = [n for n in manifest["nodes"].values() if n["resource_type"] == "test"]
    for name in [node["name"] for node in tests] + [test["name"] for test in manifest["unit_tests"].values()]:
        # Longer ones dbt cuts and ends with a hash that says nothing in a log.
        assert len(name.encode()) < 63, name


def test_every_rule_has_a_unit_test(manifest: dict[str, Any], models: dict[str, dict[str, Any]]) -> None:
    tested = {test["model"] for test in manifest["unit_tests"].values()}
    assert models.keys() >= RULES
    assert tested >= RULES
    assert len(manifest["unit_tests"]) >= 55


def test_a_dossiers_versions_are_read_in_one_place(models: dict[str, dict[str, Any]]) -> None:
    delivered = {"model.onestop.stg_one_stop__dossier", "model.onestop.stg_portal__dossier"}
    readers = {name for name, node in models.items() if delivered & set(node["depends_on"]["nodes"])}
    # The other two ask only which codes and units a night's batches name.
    assert readers == {"int_dossier__delivered", "int_dossier__changed", "int_agency__named"}


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
