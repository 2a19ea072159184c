"""`make demo`: one quarter of a sample province, from its one-stop system to its report, as DAG runs.

Everything lies in `.demo` of the current folder. The servers' set-up there is kept from one demonstration to the
next; the warehouse, the landing and the reports are emptied first, so that each one really does all of the work.
The warehouse is always the embedded one of `.demo`, whatever ONESTOP_WAREHOUSE_DSN says.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from rich.console import Console

from onestop.config import OneStopApiSource, Settings, load
from onestop.errors import OnestopError
from onestop.platform import local_platform
from onestop.platform.airflow_client import AirflowClient, Run, Task
from onestop.platform.demo_screen import Screen, Step, figures_table
from onestop.platform.local_platform import PlatformStatus, sandbox_service
from onestop.platform.names import PROGRESS_MARK, REFERENCE_DAG, REPORT_DAG, TRANSFORM_DAG, source_dag
from onestop.platform.processes import port_to_keep, wait_until
from onestop.quality.rules import rules_for
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres

SCENARIO, SOURCE = "dak_lak_2024_q3", "igate"
PERIOD, AS_OF = "2024-Q3", "2024-09-25T08:00:00+07:00"
SANDBOX_FOLDER = "sandbox"
RUN_SECONDS = 1800
ASSET_SECONDS = 30
# What the province published for the quarter, typed from its report; the sandbox's own count comes from expected.json.
PUBLISHED = {
    "resolved_total": 224_187,
    "resolved_early": 183_477,
    "resolved_on_time": 39_491,
    "resolved_overdue": 1_219,
}
FIGURES = {
    "received_total": "(3) received",
    "received_online": "(4)   new, online",
    "received_direct_postal": "(5)   new, in person or by post",
    "received_carried_over": "(6)   carried over",
    "resolved_total": "(7) resolved",
    "resolved_early": "(8)   early",
    "resolved_on_time": "(9)   on time",
    "resolved_overdue": "(10)  overdue",
    "in_progress_total": "(11) in progress",
    "in_progress_within": "(12)  within the deadline",
    "in_progress_overdue": "(13)  overdue",
}
_PROVINCE = """\
# Written by `onestop demo`; overwritten by the next one.
province: {{code: H15, name_vi: Đắk Lắk, timezone: Asia/Ho_Chi_Minh}}
warehouse: {{dsn_env: ONESTOP_DEMO_WAREHOUSE_DSN}}
reference: {{path: sandbox/reference}}
sources:
  - {{id: {source}, kind: one_stop_api, base_url: "http://127.0.0.1:{port}", credentials: IGATE}}
"""


def demo(keep: bool, console: Console, folder: Path = Path(".demo")) -> int:
    """Run the demonstration.

    Args:
        keep: leave PostgreSQL, Airflow and the sandbox up.
        console: where to show it.
        folder: where everything is written.

    Returns:
        0 if every figure is the one published and planted, else 1.

    Raises:
        OnestopError: a server did not start or a DAG run failed; everything is stopped.
    """
    began = time.monotonic()
    settings = _prepare(folder.absolute())
    with _stopped_at_the_end(settings) as leave_up:
        screen = Screen(console)
        with screen.running():
            platform = _start(settings, screen)
            with AirflowClient(platform.airflow_url, platform.user, platform.password) as client:
                reports = run_dags(client, screen)
        right = _show_results(settings, platform.warehouse_dsn, console)
        for report in reports:
            console.print(f"report: {_short(Path(report))}", highlight=False)
        if keep:
            leave_up()
            _show_addresses(settings, platform, console)
    verdict = "[green]every figure is right[/green]" if right else "[bold red]figures differ[/bold red]"
    console.print(f"{verdict}, {time.monotonic() - began:.0f} s", highlight=False)
    return 0 if right else 1


def _prepare(folder: Path) -> Settings:
    """Stop what an earlier demonstration left up, and empty what it wrote."""
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "province.yml"
    if config.is_file():
        local_platform.down(load(config))
    port = port_to_keep(folder / "sandbox")
    config.write_text(_PROVINCE.format(source=SOURCE, port=port), encoding="utf-8")
    settings = load(config)
    for old in (Path(settings.landing_url), settings.reports_path, folder / SANDBOX_FOLDER):
        shutil.rmtree(old, ignore_errors=True)
    (folder / SANDBOX_FOLDER).mkdir()
    return settings


def _start(settings: Settings, screen: Screen) -> PlatformStatus:
    source = settings.source(SOURCE)
    assert isinstance(source, OneStopApiSource)  # noqa: S101  (as written above)
    port = int(source.base_url.rpartition(":")[2])
    secret = {"IGATE_CLIENT_ID": "demo", "IGATE_CLIENT_SECRET": secrets.token_urlsafe(24)}
    sandbox = sandbox_service(settings)
    program = ["-m", "onestop.platform.demo_source", SCENARIO, str(settings.root / SANDBOX_FOLDER), str(port)]
    sandbox.start([sys.executable, *program], os.environ | secret)  # it makes its records while the servers start
    with screen.step("PostgreSQL"):
        postgres = EmbeddedPostgres(settings.local)
        postgres.start()
        _empty_warehouse(postgres.warehouse_dsn)
    with screen.step("Airflow") as step:
        platform = local_platform.up(settings, extra_environment=secret | {"ONESTOP_AS_OF": AS_OF})
        step.detail = platform.airflow_url
    if platform.import_errors:
        raise OnestopError("DAGs cannot be read:\n" + "\n".join(platform.import_errors.values()))
    with screen.step("sample one-stop system") as step:
        wait_until(lambda: _answers(port), [sandbox], what="the sandbox", timeout_seconds=180)
        step.detail = f"http://127.0.0.1:{port}"
    return platform


def run_dags(client: AirflowClient, screen: Screen) -> list[str]:
    """Reference, source, transformation, report as DAG runs, shown on the screen; the report's files.

    Raises:
        OnestopError: a run failed.
    """
    _follow(client, screen, lambda: client.trigger(REFERENCE_DAG), REFERENCE_DAG)
    before = datetime.now(UTC)
    _follow(client, screen, lambda: client.trigger(source_dag(SOURCE)), source_dag(SOURCE))
    _follow(client, screen, lambda: _transform_run(client, before), TRANSFORM_DAG)
    run = _follow(client, screen, lambda: client.trigger(REPORT_DAG, {"period": PERIOD}), REPORT_DAG)
    return [str(path) for path in client.returned(run, "draft")]


def _follow(client: AirflowClient, screen: Screen, begin: Callable[[], Run], name: str) -> Run:
    """Begin a run and show it to its end."""
    with screen.step(name) as step:
        run = begin()
        return client.wait(run, timeout_seconds=RUN_SECONDS, on_progress=lambda tasks: _tell(client, run, tasks, step))


def _transform_run(client: AirflowClient, since: datetime) -> Run:
    """The run that the source's new data started by themselves; should none come, one of our own."""
    deadline = time.monotonic() + ASSET_SECONDS
    while time.monotonic() < deadline:
        if found := client.asset_runs(TRANSFORM_DAG, since):
            return found[-1]
        time.sleep(0.5)
    return client.trigger(TRANSFORM_DAG)


def _tell(client: AirflowClient, run: Run, tasks: list[Task], step: Step) -> None:
    """Say in a step which task runs, for how long, and how many records it has done by its log."""
    done = sum(task.state == "success" for task in tasks)
    words = [f"{done}/{len(tasks)} tasks"]
    for task in tasks:
        if task.state == "running":
            words.append(f"{task.task_id} {task.seconds:.0f} s")
        if task.state == "running" or done == len(tasks):
            progress = [line for line in client.log_lines(run, task) if PROGRESS_MARK in line][-1:]
            records = [line.rpartition(PROGRESS_MARK)[2].strip() for line in progress]
            words += [f"{int(text):,} records" for text in records if text.isdigit() and text != "0"]
    step.detail = " · ".join(words)


def _show_results(settings: Settings, dsn: str, console: Console) -> bool:
    """Print the province's figures and the quarantine; whether all are as published and planted."""
    expected = json.loads((settings.root / SANDBOX_FOLDER / "expected.json").read_text(encoding="utf-8"))
    code = settings.province.code
    with closing(connect(dsn)) as connection:
        built = _province_row(connection, code)
        rejected = connection.execute(
            "select rule_id, count(*) from quarantine.rejected_row, unnest(rule_ids) as rule_id group by 1 order by 1"
        ).fetchall()
    title = f"{settings.province.name_vi}, form II.06a, statutory {PERIOD}"
    figures, right = figures_table(title, FIGURES, built, PUBLISHED, expected["forms"][f"statutory/{PERIOD}"][code])
    words = {rule.id: rule.message_en for rule in rules_for("one_stop", "dossier").row_rules}
    planted = expected["quarantined_by_rule"]
    rules = {rule: f"{rule} {words.get(rule, '')}" for rule in sorted({*planted, *dict(rejected)})}
    quarantine, found = figures_table("Quarantined rows by rule", rules, dict(rejected), {}, planted)
    console.print(figures)
    console.print(quarantine)
    return right and found


def _province_row(connection: psycopg.Connection, code: str) -> dict[str, Any]:
    with connection.cursor(row_factory=dict_row) as cursor:
        cursor.execute(
            "select * from report.form_ii_06a where period_convention = 'statutory' and period = %s"
            " and org_view = 'as_was' and agency_code = %s",
            [PERIOD, code],
        )
        row = cursor.fetchone()
    if row is None:
        raise OnestopError(f"report.form_ii_06a has no row of {code} for statutory {PERIOD}")
    return row


def _empty_warehouse(dsn: str) -> None:
    """Drop every schema of the demonstration's own warehouse."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        found = connection.execute(
            "select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')"
        ).fetchall()
        for (name,) in found:
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(name)))


@contextmanager
def _stopped_at_the_end(settings: Settings) -> Iterator[Callable[[], None]]:
    """Stop all servers when the block is left, by an error, Ctrl-C or SIGTERM too, unless it calls what it is given."""
    kept: list[bool] = []

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield lambda: kept.append(True)
    finally:
        signal.signal(signal.SIGTERM, former)
        if not kept:
            local_platform.down(settings)


def _show_addresses(settings: Settings, platform: PlatformStatus, console: Console) -> None:
    console.print(
        f"Airflow: {platform.airflow_url}  user {platform.user}  password {platform.password}", highlight=False
    )
    console.print(f"stop with: onestop down --config {_short(settings.file)}", highlight=False)


def _answers(port: int) -> bool:
    try:
        httpx.get(f"http://127.0.0.1:{port}/", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
