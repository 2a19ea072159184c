"""`make demo`: one quarter of a sample province, from sources of every kind to its report, as DAG runs.

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
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from rich.console import Console

from onestop.config import FeedbackApiSource, OneStopApiSource, PortalExportSource, Settings, load
from onestop.errors import OnestopError
from onestop.platform import local_platform
from onestop.platform.airflow_client import AirflowClient
from onestop.platform.demo_runs import run_dags
from onestop.platform.demo_screen import Screen, figures_table
from onestop.platform.local_platform import PlatformStatus, sandbox_service
from onestop.platform.processes import port_to_keep, wait_until
from onestop.quality.rules import rules_for
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres

SCENARIO = "dak_lak_2024_q3"
ONE_STOP, TREASURY, FEEDBACK, PORTAL = "igate", "treasury", "pakn", "dvcqg"
SFTP_USER, KNOWN_HOSTS = "exports", "known_hosts"  # as the sandbox has them
PERIOD, AS_OF = "2024-Q3", "2024-09-25T08:00:00+07:00"
SANDBOX_FOLDER = "sandbox"
RULE_FILES = (
    ("one_stop", "dossier"),
    ("portal", "dossier"),
    ("portal", "payment"),
    ("portal", "rating"),
    ("feedback", "feedback_case"),
)
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
  - {{id: igate, kind: one_stop_api, base_url: "http://127.0.0.1:{port}", credentials: IGATE}}
  - {{id: treasury, kind: one_stop_sql, dsn_env: TREASURY_DSN}}
  - {{id: dvcqg, kind: portal_export, path: "sftp://127.0.0.1:{sftp_port}/", credentials: DVCQG}}
  - {{id: pakn, kind: feedback_api, base_url: "http://127.0.0.1:{feedback_port}", credentials: PAKN}}
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
                reports = run_dags(client, screen, [source.id for source in settings.sources], PERIOD)
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
    feedback_port = port_to_keep(folder / "feedback")
    sftp_port = port_to_keep(folder / "exports")
    text = _PROVINCE.format(port=port, feedback_port=feedback_port, sftp_port=sftp_port)
    config.write_text(text, encoding="utf-8")
    settings = load(config)
    for old in (Path(settings.landing_url), settings.reports_path, folder / SANDBOX_FOLDER):
        shutil.rmtree(old, ignore_errors=True)
    (folder / SANDBOX_FOLDER).mkdir()
    return settings


def _start(settings: Settings, screen: Screen) -> PlatformStatus:
    one_stop, feedback, portal = (settings.source(name) for name in (ONE_STOP, FEEDBACK, PORTAL))
    assert isinstance(one_stop, OneStopApiSource) and isinstance(feedback, FeedbackApiSource)  # noqa: S101  (as written above)
    assert isinstance(portal, PortalExportSource)  # noqa: S101
    ports = [str(urlsplit(address).port) for address in (one_stop.base_url, feedback.base_url, portal.path)]
    sandbox = sandbox_service(settings)
    with screen.step("PostgreSQL"):
        postgres = EmbeddedPostgres(settings.local)
        postgres.start()
        _empty_warehouse(postgres.warehouse_dsn)
        secret = {
            "IGATE_CLIENT_ID": "demo",
            "IGATE_CLIENT_SECRET": secrets.token_urlsafe(24),
            "PAKN_API_KEY": secrets.token_urlsafe(24),
            "DVCQG_USER": SFTP_USER,
            "DVCQG_PASSWORD": secrets.token_urlsafe(24),
            "DVCQG_KNOWN_HOSTS": str(settings.root / SANDBOX_FOLDER / KNOWN_HOSTS),
            "TREASURY_DSN": _new_database(postgres.admin_dsn, TREASURY),
        }
    program = ["-m", "onestop.platform.demo_source", SCENARIO, str(settings.root / SANDBOX_FOLDER), *ports]
    sandbox.start([sys.executable, *program], os.environ | secret)  # it makes its records while Airflow starts
    with screen.step("Airflow") as step:
        platform = local_platform.up(settings, extra_environment=secret | {"ONESTOP_AS_OF": AS_OF})
        step.detail = platform.airflow_url
    if platform.import_errors:
        raise OnestopError("DAGs cannot be read:\n" + "\n".join(platform.import_errors.values()))
    with screen.step("sample source systems") as step:
        wait_until(lambda: _answers(one_stop.base_url), [sandbox], what="the sandbox", timeout_seconds=180)
        step.detail = f"{one_stop.base_url}, {feedback.base_url}, {portal.path}, a database"
    return platform


def _show_results(settings: Settings, dsn: str, console: Console) -> bool:
    """Print the province's figures, what each source delivered, and the quarantine; whether all are as published and planted."""
    expected = json.loads((settings.root / SANDBOX_FOLDER / "expected.json").read_text(encoding="utf-8"))
    code = settings.province.code
    with closing(connect(dsn)) as connection:
        built = _province_row(connection, code)
        # A feedback system's pages overlap: what came twice is no second record.
        delivered = connection.execute(
            "select source_id, sum(received - case when source_id = %s then duplicate else 0 end)::bigint"
            " from ops.load_batch where source_id = any(%s) group by 1",
            [FEEDBACK, [source.id for source in settings.sources]],
        ).fetchall()
        rejected = connection.execute(
            "select rule_id, count(*) from quarantine.rejected_row, unnest(rule_ids) as rule_id group by 1 order by 1"
        ).fetchall()
    title = f"{settings.province.name_vi}, form II.06a, statutory {PERIOD}"
    figures, right = figures_table(title, FIGURES, built, PUBLISHED, expected["forms"][f"statutory/{PERIOD}"][code])
    kinds = {source.id: f"{source.id} ({source.kind})" for source in settings.sources}
    records = {name: share["records"] for name, share in expected["sources"].items()}
    sources, complete = figures_table("Records by source", kinds, dict(delivered), {}, records)
    words = {rule.id: rule.message_en for file in RULE_FILES for rule in rules_for(*file).row_rules}
    planted: Counter[str] = Counter()
    for share in expected["sources"].values():
        planted.update(share["quarantined_by_rule"])
    rules = {rule: f"{rule} {words.get(rule, '')}" for rule in sorted({*planted, *dict(rejected)})}
    quarantine, found = figures_table("Quarantined rows by rule, all sources", rules, dict(rejected), {}, planted)
    for table in (figures, sources, quarantine):
        console.print(table)
    return right and complete and found


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


def _new_database(admin_dsn: str, name: str) -> str:
    """An empty database on the embedded server with a role of the same name that owns it; its URI, a new password in it."""
    password = secrets.token_urlsafe(24)
    with psycopg.connect(admin_dsn, autocommit=True) as connection:
        # The verifier, not the password: then no server log can show it.
        verifier = connection.pgconn.encrypt_password(password.encode(), name.encode(), b"scram-sha-256").decode()
        known = connection.execute("select 1 from pg_roles where rolname = %s", [name]).fetchone()
        role = sql.SQL("alter role {} login password {}" if known else "create role {} login password {}")
        connection.execute(role.format(sql.Identifier(name), sql.Literal(verifier)))
        connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("create database {0} owner {0}").format(sql.Identifier(name)))
        connection.execute(sql.SQL("revoke all on database {} from public").format(sql.Identifier(name)))
        return f"postgresql://{name}:{password}@{connection.info.host}:{connection.info.port}/{name}"


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


def _answers(url: str) -> bool:
    try:
        httpx.get(f"{url}/", timeout=2, trust_env=False)
    except httpx.HTTPError:
        return False
    return True


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
