"""The DAGs as Airflow reads them: which there are, when they run, and what their files may contain."""

from __future__ import annotations

import ast
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from onestop.config import load
from onestop.platform.names import expected_dag_ids
from onestop.resources import resource
from soak.airflow_faults import BROKEN

DAGS = resource("dags")
FILES = sorted(DAGS.glob("*.py"))
READER = Path(__file__).with_name("read_dags.py")
EXPECTED = {
    "ingest__igate", "ingest__second", "ingest__reference", "transform__warehouse", "report__quarterly", "ops__backfill",
    "ops__quarantine_replay", "ops__quality", "ops__reconcile", "ops__source_watch", "ops__maintenance",
}  # fmt: skip
PROVINCE = """\
province: {code: H15, name_vi: Đắk Lắk, timezone: Asia/Ho_Chi_Minh}
sources:
  - {id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:1", credentials: IGATE}
  - {id: second, kind: one_stop_api, base_url: "http://127.0.0.1:2", credentials: SECOND, every: "15 3 * * *"}
"""
FROM_THE_RUN = ("logical_date", "execution_date", "data_interval", "data_interval_start", "data_interval_end", "ds")


def read_dags(folder: Path, text: str, dags: Path = DAGS) -> dict[str, Any]:
    """What Airflow makes of the DAGs for a province.yml with this text."""
    config = folder / "province.yml"
    config.write_text(text, encoding="utf-8")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AIRFLOW_", "ONESTOP_"))}
    done = subprocess.run(
        [sys.executable, str(READER), str(dags)],
        env=kept
        | {
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACKS": "False",
            "ONESTOP_CONFIG": str(config),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.fixture(scope="module")
def read(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return read_dags(tmp_path_factory.mktemp("dags"), PROVINCE)


@pytest.fixture(scope="module")
def dags(read: dict[str, Any]) -> dict[str, Any]:
    assert read["dags"], read["import_errors"]
    return read["dags"]  # type: ignore[no-any-return]


def test_two_sources_make_exactly_these_dags(read: dict[str, Any]) -> None:
    assert read["import_errors"] == {}
    assert set(read["dags"]) == EXPECTED


def test_the_platform_waits_for_exactly_these_dags(tmp_path: Path) -> None:
    (tmp_path / "province.yml").write_text(PROVINCE, encoding="utf-8")
    assert expected_dag_ids(load(tmp_path / "province.yml")) == EXPECTED


def test_reading_is_fast_and_needs_no_network(read: dict[str, Any]) -> None:
    assert read["blocked"]
    assert set(read["seconds"]) == {file.name for file in FILES}
    assert max(read["seconds"].values()) < 2


def test_a_file_is_named_after_its_dag(dags: dict[str, Any]) -> None:
    for dag_id, dag in dags.items():
        assert dag["file"] == ("ingest.py" if dag_id.startswith("ingest__") else f"{dag_id}.py")


def test_one_run_at_a_time_and_no_catch_up(dags: dict[str, Any]) -> None:
    for dag in dags.values():
        assert (dag["catchup"], dag["max_active_runs"]) == (False, 1)


@pytest.mark.parametrize(
    ("dag_id", "cron"),
    [
        ("ingest__reference", "30 1 * * *"),
        ("ingest__igate", "0 2 * * *"),
        ("ingest__second", "15 3 * * *"),
        ("ops__quarantine_replay", "0 4 * * *"),
        ("transform__warehouse", "30 4 * * *"),
        ("report__quarterly", "0 6 15 3,6,9,12 *"),
        ("ops__quality", "30 5 * * *"),
        ("ops__reconcile", "30 5 * * *"),
        ("ops__source_watch", "7 * * * *"),
        ("ops__maintenance", "0 21 * * *"),
    ],
)
def test_schedules_are_in_the_provinces_time(dags: dict[str, Any], dag_id: str, cron: str) -> None:
    timetable = dags[dag_id]["timetable"]["__var"]
    timetable = timetable.get("timetable", {"__var": timetable})["__var"]
    assert (timetable["expression"], timetable["timezone"]) == (cron, "Asia/Ho_Chi_Minh")


def test_another_time_zone_is_followed(tmp_path: Path) -> None:
    found = read_dags(tmp_path, PROVINCE.replace("Asia/Ho_Chi_Minh", "Europe/Amsterdam"))
    assert found["dags"]["ingest__igate"]["timetable"]["__var"]["timezone"] == "Europe/Amsterdam"


def test_any_source_starts_the_transformation(dags: dict[str, Any]) -> None:
    condition = dags["transform__warehouse"]["timetable"]["__var"]["asset_condition"]
    assert condition["__type"] == "asset_any"
    starting = {asset["uri"] for asset in condition["objects"]}
    assert starting == {"onestop://raw/igate", "onestop://raw/second"}
    emitted = {u for d in ("ingest__igate", "ingest__second") for u in dags[d]["tasks"]["ingest"]["outlets"]}
    assert emitted == starting


def test_layers_are_built_in_the_order_of_the_transformation(dags: dict[str, Any]) -> None:
    from onestop.transform.dbt import LAYERS

    tasks = dags["transform__warehouse"]["tasks"]
    names = [f"build_{layer}" for layer in LAYERS]
    assert set(tasks) == {"resolve_known_at", "check_freshness", *names}
    assert tasks["check_freshness"]["before"] == []  # nothing waits for how fresh the sources are
    for name, after in itertools.pairwise(names):
        assert tasks[name]["before"] == [after]
    assert tasks[names[-1]]["outlets"] == ["onestop://mart/"]


def test_a_period_is_a_parameter(dags: dict[str, Any]) -> None:
    dag = dags["report__quarterly"]
    assert dag["params"] == ["ask_approval", "period", "reason"]
    before = {name: task["before"] for name, task in dag["tasks"].items()}
    assert before == {
        "resolve_period": ["ask_units", "deliver", "draft", "draft_edition", "publish", "send_back"],
        "draft": ["draft_edition"],
        "draft_edition": ["approve", "ask_units", "publish"],
        "approve": ["decide", "publish", "send_back"],
        "decide": ["publish", "send_back"],
        "publish": ["deliver"],
        "deliver": [],
        "send_back": [],
        "ask_units": [],
    }


def test_a_backfill_is_started_by_hand_with_typed_parameters(dags: dict[str, Any]) -> None:
    dag = dags["ops__backfill"]
    assert dag["params"] == ["from", "ignore_window", "landing_path", "mode", "reason", "source", "to"]
    assert dag["tasks"]["choose"]["before"] == ["load__igate", "load__second"]
    assert dag["timetable"]["__type"].endswith("NullTimetable")
    schemas = dag["schemas"]
    assert schemas["source"]["enum"] == ["igate", "second"]
    assert schemas["mode"]["enum"] == ["pull", "replay"]
    assert schemas["reason"]["minLength"] == 5
    assert {schemas[name]["format"] for name in ("from", "to")} == {"date"}


def test_quarantine_is_judged_again_between_the_loads_and_the_build(dags: dict[str, Any]) -> None:
    assert dags["ops__quarantine_replay"]["params"] == ["as_of", "rule", "source"]
    assert set(dags["ops__quarantine_replay"]["tasks"]) == {"replay"}


def test_every_task_has_an_owner_and_retries_with_growing_waits(dags: dict[str, Any]) -> None:
    tasks = [task for dag in dags.values() for task in dag["tasks"].values()]
    assert len(tasks) == 31
    for task in tasks:
        assert task["owner"] == "onestop"
        assert task["retries"] >= 2
        assert task["backoff"] > 1


def test_whatever_asks_a_source_runs_in_its_pool(dags: dict[str, Any]) -> None:
    pools = {(d, name): task["pool"] for d, dag in dags.items() for name, task in dag["tasks"].items()}
    asking = {place: pool for place, pool in pools.items() if pool != "default_pool"}
    assert asking == {
        ("ingest__igate", "ingest"): "source__igate",
        ("ops__backfill", "load__igate"): "source__igate",
        ("ingest__second", "ingest"): "source__second",
        ("ops__backfill", "load__second"): "source__second",
    }


def test_a_run_whose_pool_nobody_made_fails_before_the_next_night(dags: dict[str, Any]) -> None:
    for dag_id in ("ingest__igate", "ingest__second", "ops__backfill"):
        assert 0 < dags[dag_id]["longest_run"] < 24 * 3600


def test_every_dag_says_what_it_does_and_what_to_do_when_it_fails(dags: dict[str, Any]) -> None:
    handbook = (DAGS / "README.md").read_text(encoding="utf-8")
    for dag_id, dag in dags.items():
        for words in ("**What it does**", "**Reads**", "**writes**", "**When it fails** (khi lỗi)"):
            assert words in dag["doc"], (dag_id, words)
        assert not dag["doc"].splitlines()[0].isascii(), "the title is in Vietnamese"
        assert "onestop" in dag["tags"]
        assert ("ingest__<source" if dag["file"] == "ingest.py" else dag_id) in handbook


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PROVINCE.replace("H15", "Daklak"), "line 1: province.code"),
        (PROVINCE.replace('every: "15 3', 'every: "often 15 3'), "line 4: sources[2]"),
        ("province: [", "is not YAML"),
    ],
)
def test_a_broken_province_is_one_clear_import_error_per_file(tmp_path: Path, text: str, words: str) -> None:
    assert text != PROVINCE
    found = read_dags(tmp_path, text)
    assert found["dags"] == {}
    assert set(found["import_errors"]) == {file.name for file in FILES}
    for message in found["import_errors"].values():
        assert words in message
        assert "Next step" in message
        assert "Traceback" not in message


def test_broken_dag_files_are_named_and_the_others_are_read(tmp_path: Path) -> None:
    dags = shutil.copytree(DAGS, tmp_path / "dags", ignore=shutil.ignore_patterns("__pycache__"))
    for name, content in BROKEN.items():
        (dags / name).write_text(content, encoding="utf-8")
    found = read_dags(tmp_path, PROVINCE, dags)
    assert set(found["import_errors"]) == set(BROKEN)
    assert set(found["dags"]) == EXPECTED


def test_there_are_dag_files() -> None:
    names = ("backfill", "maintenance", "quality", "quarantine_replay", "reconcile", "source_watch")
    ops = [f"ops__{name}.py" for name in names]
    assert [file.name for file in FILES] == ["ingest.py", *ops, "report__quarterly.py", "transform__warehouse.py"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_a_dag_file_is_short_and_imports_little(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 80
    tree = ast.parse(text)
    anywhere = {name for node in ast.walk(tree) for name in imported(node)}
    on_top = {name for node in tree.body for name in imported(node)}
    assert "airflow.sdk" in on_top
    for name in anywhere:
        allowed = name == "airflow.sdk" or name.split(".")[0] in {"onestop", *sys.stdlib_module_names}
        assert allowed, f"{file.name} imports {name}"
    assert {name for name in on_top if name.startswith("onestop")} == {"onestop.platform.dag_support"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_no_dag_takes_its_period_from_the_run(file: Path) -> None:
    words = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Name | ast.arg | ast.Attribute | ast.keyword):
            words.add(str(getattr(node, {ast.Name: "id", ast.Attribute: "attr"}.get(type(node), "arg"))))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            words.update(node.value.replace("{", " ").replace("}", " ").split())
    assert "settings" in words, "the walk saw the file"
    assert not words & set(FROM_THE_RUN)


def imported(node: ast.AST) -> list[str]:
    """The modules that a statement imports."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    return []
