"""How dbt's results are read and told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from onestop.errors import BuildFailed, WarehouseUnavailable
from onestop.transform.results import NodeResult, explain, explain_without_results, read_results


def node(name: str, status: str, message: str | None = None, failures: int | None = None) -> NodeResult:
    return NodeResult(name, status, 0.1, None, failures, message)


def test_run_results_are_read(tmp_path: Path) -> None:
    result = {
        "unique_id": "model.onestop.fct_dossier",
        "status": "success",
        "execution_time": 1.5,
        "adapter_response": {"rows_affected": 7},
        "failures": None,
        "message": "INSERT 0 7",
    }
    view = result | {"unique_id": "model.onestop.stg_x", "adapter_response": {"rows_affected": -1}, "status": "skipped"}
    content = {"metadata": {"invocation_id": "abc"}, "results": [result, view]}
    (tmp_path / "run_results.json").write_text(json.dumps(content))
    read = read_results(tmp_path, 3.0)
    assert read is not None
    assert (read.invocation_id, read.seconds, read.failed, read.count("model")) == ("abc", 3.0, (), 1)
    assert [(n.name, n.kind, n.rows) for n in read.nodes] == [("fct_dossier", "model", 7), ("stg_x", "model", None)]


def test_without_results_there_is_none(tmp_path: Path) -> None:
    assert read_results(tmp_path, 1.0) is None


def test_a_failed_test_is_named_with_its_rows_and_sql(tmp_path: Path) -> None:
    compiled = tmp_path / "compiled" / "onestop" / "months_add_up.sql"
    compiled.parent.mkdir(parents=True)
    compiled.touch()
    problem = explain([node("test.onestop.months_add_up.0a1b2c", "fail", "Got 3 results", 3)], tmp_path)
    assert isinstance(problem, BuildFailed)
    assert "the test months_add_up fails in 3 rows" in problem.message
    assert str(compiled) in problem.message


def test_more_than_three_failures_are_counted(tmp_path: Path) -> None:
    problem = explain([node(f"model.onestop.m{n}", "error", "Database Error\n  no") for n in range(5)], tmp_path)
    assert "model m2: Database Error" in problem.message
    assert "m3" not in problem.message
    assert "and 2 more" in problem.message


@pytest.mark.parametrize(
    "said",
    [
        'connection to server at "127.0.0.1", port 5432 failed: Connection refused',
        "server closed the connection unexpectedly\n\tThis probably means ...",
        "terminating connection due to administrator command",
        "the database system is shutting down",
    ],
)
def test_a_lost_connection_may_be_tried_again(tmp_path: Path, said: str) -> None:
    failures = [node("model.onestop.a", "error", "Database Error\n  " + said)]
    for problem in (explain(failures, tmp_path), explain_without_results("12:00 Encountered\n" + said, tmp_path)):
        assert isinstance(problem, WarehouseUnavailable)
        assert problem.retryable
        assert said.splitlines()[0] in problem.message


def test_a_dbt_that_says_why_it_stopped_is_quoted(tmp_path: Path) -> None:
    problem = explain_without_results("Encountered an error:\nParsing Error\n  Invalid models config", tmp_path)
    assert isinstance(problem, BuildFailed)
    assert "Invalid models config" in problem.message
    assert "dbt.log" in (problem.next_step or "")
