"""Builds the models: one dbt process per call, one build at a time, results filed in ops.dbt_node_result.

dbt runs as a process of its own, the executable beside this Python's, because its libraries keep global state and
its memory is best given back. The project folder is only read: everything dbt writes goes to `target_path`.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

import psycopg

from onestop.errors import BuildFailed, ConfigurationError, OnestopError
from onestop.logs import say
from onestop.resources import resource
from onestop.transform import rounds
from onestop.transform.profile import environment, write_profile
from onestop.transform.results import (
    BuildResult,
    NodeResult,
    connection_lost,
    explain,
    explain_without_results,
    file_results,
    read_results,
)
from onestop.warehouse.connection import connect

__all__ = ["LAYERS", "BuildResult", "NodeResult", "build"]

LAYERS = ("staging", "intermediate", "marts", "reports")
"""The layers in their order, each a folder of dbt_project/models."""

_LOCK = "select {}(hashtextextended('onestop.transform' || %s, 0))"
_ENDS_WITHIN = 20
# PR_SET_PDEATHSIG with SIGKILL, which outlasts the exec; whoever was killed before that is not our parent any more.
_TIE = (
    "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 9); os.getppid() == int(sys.argv[1]) or os._exit(1);"
    " os.execv(sys.argv[2], sys.argv[2:])"
)
# What the program dbt does, after what onestop/__init__.py saves every process.
_START = "import sys, onestop; from dbt.cli.main import cli; sys.exit(cli())"
log = logging.getLogger(__name__)


def build(
    dsn: str,
    *,
    province_code: str,
    timezone: str,
    known_at: datetime,
    layers: Sequence[str] = LAYERS,
    run_unit_tests: bool = False,
    ranking_minimum_dossiers: int | None = None,
    target_path: Path,
    schema_prefix: str = "",
    whole: bool = False,
) -> BuildResult:
    """Build the layers named, and test what was built; a failed test keeps back all that depends on it.

    Waits while another build runs on the same warehouse. Tables are replaced one by one, each in one transaction:
    a reader sees the old or the new one, never none. What is built, all of the history or what changed since the build
    before, is decided in onestop.transform.rounds.

    Args:
        dsn: the warehouse's libpq URI.
        province_code: the root of every roll-up, for example H15.
        timezone: the province's time zone.
        known_at: figures use the versions known at this moment; aware.
        layers: a part of LAYERS; of later layers alone, the earlier ones must have been built for the same moment.
        ranking_minimum_dossiers: a unit with fewer in a period is not ranked; None: as dbt_project.yml says.
        run_unit_tests: run dbt's unit tests too (in tests; they say nothing of the data).
        target_path: where dbt keeps what it parsed, compiled and logged; best the same folder every time.
        schema_prefix: build into schemas with this prefix, beside the served ones; such a build is whole, and its nodes
            are not filed.
        whole: build all of the history, whatever changed.

    Returns:
        every node with its status and time, of the served schemas already filed in ops.dbt_node_result.

    Raises:
        ValueError: a moment without an offset.
        BuildFailed: a model or a test failed, or nothing was built.
        WarehouseUnavailable: the server cannot be reached, or went away.
        ConfigurationError: dbt is not installed beside this Python, the DSN is wrong, or there is no such layer.
    """
    if not layers or not set(layers) <= set(LAYERS):
        raise ConfigurationError(
            f"no layers: {', '.join(layers) or 'none'}", next_step=f"name some of {', '.join(LAYERS)}"
        )
    if known_at.tzinfo is None:
        raise ValueError("known_at needs an offset")
    target_path = target_path.absolute()
    told = variables(province_code, timezone, ranking_minimum_dossiers)
    command = [
        *executable(),
        *("build", "--project-dir", str(resource("dbt_project")), "--profiles-dir", str(target_path / "profiles")),
        *("--target-path", str(target_path), "--log-path", str(target_path / "logs")),
        *("--vars", told),
        *("--indirect-selection", "buildable", "--select", *(f"path:models/{layer}" for layer in layers)),
        *(("path:seeds",) if "intermediate" in layers else ()),
        *(() if run_unit_tests else ("--exclude-resource-type", "unit_test")),
    ]
    with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
        _wait_for_turn(connection, schema_prefix)
        asked = rounds.Round(None, True, "a set of schemas of its own")
        if not schema_prefix:
            asked = rounds.begin(
                connection,
                layers=layers,
                known_at=known_at,
                timezone=timezone,
                code=rounds.hash_of_code(resource("dbt_project")),
                province=told,
                whole=_asked_for(whole, run_unit_tests),
            )
        write_profile(target_path / "profiles", connection, dsn)
        (target_path / "run_results.json").unlink(missing_ok=True)
        started = time.monotonic()
        command += ["--full-refresh"] if asked.is_whole else []
        command += _left_out(connection, asked, layers)
        output = run(
            command, environment(connection, known_at, schema_prefix, test_all=asked.is_tested_whole), target_path
        )
        result = read_results(target_path, time.monotonic() - started)
        if result is not None and not schema_prefix:
            _file(connection, dsn, result)
    if result is not None:
        counts = {f"{kind}s": result.count(kind) for kind in ("model", "test")}
        say(log, "built", layers=list(layers), **counts, failed=[node.name for node in result.failed])
    if result is None or not result.nodes:
        raise explain_without_results(output, target_path)
    if result.failed:
        raise explain(result.failed, target_path)
    refuse_emptiness(result)
    if asked.round_id is not None:
        with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
            rounds.finish(connection, asked, layers)
    return result


def refuse_emptiness(result: BuildResult) -> None:
    """A build proves that it looked: without a single model or test it is none.

    Raises:
        BuildFailed: no model was built, or no test was run.
    """
    for kind, done in (("model", "built no model"), ("test", "ran no test")):
        if not result.count(kind):
            raise BuildFailed(
                f"dbt {done} at all", next_step="install the onestop wheel again: parts of dbt_project are missing"
            )


def _left_out(
    connection: psycopg.Connection[tuple[object, ...]], asked: rounds.Round, layers: Sequence[str]
) -> list[str]:
    """What a build that follows the change need not look at: what is made of its code and the catalogue alone stands."""
    if asked.is_tested_whole:
        return []
    left_out = ["--exclude", "tag:reads_all", "tag:stands", "path:seeds"]
    # A layer of views made alone takes the views above it along, so that it is made with them or not at all.
    if {"staging", "intermediate"} <= set(layers):
        views = sum(1 for _ in resource("dbt_project").glob("models/staging/**/*.sql"))
        found = connection.execute("select count(*) from pg_views where schemaname = 'staging'").fetchone()
        left_out += ["path:models/staging"] if found == (views,) else []
    return left_out


def _asked_for(whole: bool, run_unit_tests: bool) -> str | None:
    if whole:
        return "it was asked for"
    # A unit test speaks of the rule for all rows, not of what a night adds to them.
    return "unit tests run with it" if run_unit_tests else None


def variables(province_code: str, timezone: str, ranking_minimum_dossiers: int | None = None) -> str:
    """What a dbt command is told of the province. The same folder wants the same words: others make dbt parse anew."""
    given = {"province_code": province_code, "timezone": timezone, "ranking_minimum_dossiers": ranking_minimum_dossiers}
    return json.dumps({name: value for name, value in given.items() if value is not None})


def executable() -> list[str]:
    """What starts dbt, the one beside this Python; its words follow.

    Raises:
        ConfigurationError: it is not there.
    """
    # Not resolved: in a virtual environment the link's own folder holds the scripts.
    executable = Path(sys.executable).parent / "dbt"
    if not executable.exists():
        raise ConfigurationError(
            f"there is no dbt beside {sys.executable}", next_step="install onestop again: make lint"
        )
    return [sys.executable, "-P", "-c", _START]


def _wait_for_turn(connection: psycopg.Connection[tuple[object, ...]], schema_prefix: str) -> None:
    row = connection.execute(_LOCK.format("pg_try_advisory_lock"), [schema_prefix]).fetchone()
    if row is None or not row[0]:
        log.warning("another build is running on this warehouse; waiting for it to end")
        connection.execute(_LOCK.format("pg_advisory_lock"), [schema_prefix])


def run(command: list[str], env: dict[str, str], target_path: Path) -> str:
    """Run dbt to its end and give back what it printed; stop it when we are stopped."""
    printed = target_path / "output.txt"
    with (
        printed.open("w", encoding="utf-8") as file,
        subprocess.Popen(
            _tied(command), env=env, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
        ) as dbt,
    ):
        try:
            dbt.wait()
        except BaseException:
            dbt.terminate()
            try:
                dbt.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                dbt.kill()
            raise
    return printed.read_text(encoding="utf-8", errors="replace")


def _tied(command: list[str]) -> list[str]:
    """The same command, ended by the kernel where we are killed: else it would go on building beside the next build."""
    return [sys.executable, "-I", "-S", "-c", _TIE, str(os.getpid()), *command] if sys.platform == "linux" else command


def _file(connection: psycopg.Connection[tuple[object, ...]], dsn: str, result: BuildResult) -> None:
    try:
        file_results(connection, result)
    except psycopg.OperationalError as problem:
        # The connection that held the lock went away with the server; the results may still find another.
        try:
            with closing(connect(dsn, autocommit=True, role="transformer")) as another:
                file_results(another, result)
        except (psycopg.Error, OnestopError):
            raise connection_lost(str(problem)) from None
