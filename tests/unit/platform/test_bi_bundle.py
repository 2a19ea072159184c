"""The dashboards as files: what they read, what they are called, and that a unit's copy shares nothing with the province's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlglot
import yaml
from sqlglot import exp

from onestop.platform.bi import bundle, datasets
from onestop.platform.bi.bundle import Connection

DSN = "postgresql://owner:secret@127.0.0.1:5433/onestop?sslmode=verify-full"
PROVINCE = Connection("bi_superset", DSN)
UNIT = Connection("bi_h15_07", DSN, ("H15.07", "Sở Tư pháp"))
CHARTS = [yaml.safe_load(path.read_text("utf-8")) for path in sorted((datasets.BUNDLE / "charts").glob("*.yaml"))]
NAMES = {bundle.dataset_uuid(name): name for name in datasets.names()}


def made(name: str) -> dict[str, Any]:
    return datasets.data_set(name, bundle.dataset_uuid(name), PROVINCE.uuid)


def names_in(value: Any, key: str = "") -> set[str]:
    """Every name of a column or metric that a chart's settings speak of."""
    if isinstance(value, dict):
        if "subject" in value:
            return {value["subject"]}
        return set(value) if key == "column_config" else set().union(*(names_in(v, k) for k, v in value.items()))
    if key == "order_by_cols":
        return {yaml.safe_load(one)[0] for one in value}
    if key in ("groupby", "metrics", "all_columns", "adhoc_filters"):
        return set().union(*(names_in(one, "x_axis") for one in value))
    return {value} if key in ("metric", "x_axis", "x_axis_sort", "timeseries_limit_metric") else set()


@pytest.mark.parametrize("name", datasets.names())
def test_a_data_set_reads_public_tables_alone(name: str) -> None:
    tables = list(sqlglot.parse_one(datasets.query(name), dialect="postgres").find_all(exp.Table))
    own = {"c", "v", "l"}  # lists of words, given in the query itself
    assert {table.db for table in tables if table.name not in own} <= {"mart", "report", "published"}
    assert any(table.db for table in tables) or name == "org_views"


@pytest.mark.parametrize("name", datasets.names())
def test_every_column_and_metric_is_named_and_explained(name: str) -> None:
    found = made(name)
    assert found["columns"]
    for one in (*found["columns"], *found["metrics"]):
        assert one["verbose_name"], one
        assert one["description"].endswith("."), one
        assert one["verbose_name"][0].isupper(), one
    for metric in found["metrics"]:
        sqlglot.parse_one(f"select {metric['expression']}", dialect="postgres")
        assert metric["d3format"], metric
    if (given := datasets.short(name)["metrics"]) not in ("registry", "form"):
        assert all(set(one) == {"name", "label", "sql", "format", "description"} for one in given)


def test_metrics_are_the_registrys() -> None:
    figures = {metric["metric_name"]: metric for metric in made("figures")["metrics"]}
    assert set(figures) == set(datasets.registry())
    rate = figures["on_time_rate"]
    assert rate["verbose_name"] == "Tỷ lệ hồ sơ giải quyết trước hạn và đúng hạn"
    assert rate["extra"]["certification"]["details"] == datasets.registry()["on_time_rate"]["legal_basis"]
    assert rate["d3format"] == ",.2%"


def test_a_chart_speaks_of_columns_and_metrics_that_are_there() -> None:
    assert len(CHARTS) >= 50
    for chart in CHARTS:
        found = made(NAMES[chart["dataset_uuid"]])
        there = {one["column_name"] for one in found["columns"]} | {one["metric_name"] for one in found["metrics"]}
        said = names_in(chart["params"])
        assert said, chart["slice_name"]
        assert said <= there, (chart["slice_name"], said - there)


def test_filters_speak_of_columns_that_are_there_and_every_chart_is_shown() -> None:
    shown = set()
    for path in (datasets.BUNDLE / "dashboards").glob("*.yaml"):
        board = yaml.safe_load(path.read_text("utf-8"))
        assert path.stem == board["slug"]
        nodes = bundle.chart_nodes(board["position"])
        shown |= {node["meta"]["uuid"] for node in nodes}
        for one in board["metadata"]["native_filter_configuration"]:
            (target,) = one["targets"]
            assert target["column"]["name"] in datasets.columns_of(NAMES[target["datasetUuid"]])
            assert set(one["scope"]["excluded"]) <= {node["meta"]["chartId"] for node in nodes}
    assert shown == {chart["uuid"] for chart in CHARTS}


def test_no_label_is_left_over() -> None:
    words = yaml.safe_load((datasets.BUNDLE / "labels.yml").read_text("utf-8"))
    used = {column for name in datasets.names() for column in datasets.columns_of(name)}
    assert set(words["labels"]) | set(words["computed"]) <= used


def test_a_units_copy_shares_nothing_with_the_province() -> None:
    def keys(files: dict[str, str]) -> set[str]:
        return {yaml.safe_load(text)["uuid"] for text in files.values()}

    province, unit = bundle.assets(PROVINCE), bundle.assets(UNIT)
    assert not keys(province) & keys(unit)
    assert not any(key in text for key in keys(province) for text in unit.values())
    assert keys(unit) == keys(bundle.assets(UNIT))  # the same at every import
    boards = {yaml.safe_load(text)["slug"] for path, text in unit.items() if path.startswith("dashboards/")}
    assert boards == {
        f"{slug}-h15-07" for slug in ("unit", "online-services", "feedback", "decision-766", "data-quality")
    }
    read = {Path(path).stem for path in unit if path.startswith("datasets/")}
    assert not read & {name for name in datasets.names() if datasets.short(name).get("province_only")}


def test_a_connection_keeps_no_password_and_opens_nothing() -> None:
    (text,) = [text for path, text in bundle.assets(UNIT).items() if path.startswith("databases/")]
    database = yaml.safe_load(text)
    assert database["sqlalchemy_uri"] == "postgresql+psycopg2://bi_h15_07@127.0.0.1:5433/onestop?sslmode=verify-full"
    assert "secret" not in text
    off = ("expose_in_sqllab", "allow_run_async", "allow_ctas", "allow_cvas", "allow_dml", "allow_file_upload")
    assert [database[key] for key in off] == [False] * len(off)
