"""Faults of tasks and commands turned into alerts, in one place: which kind, whose, what they keep from being done.

Alerts are kept in ops.alert, and in `.local/alerts.jsonl` while the warehouse cannot be reached. What goes wrong here
never hides the fault that was to be told: it is logged.
"""

from __future__ import annotations

import logging
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from onestop.alerts.book import DatabaseBook, FileBook
from onestop.alerts.desk import Desk, Told
from onestop.alerts.model import Alert
from onestop.clock import system_now
from onestop.config import Settings
from onestop.errors import (
    BuildFailed,
    ConfigurationError,
    DataRefused,
    DeliveryFailed,
    OnestopError,
    SourceUnavailable,
    WarehouseUnavailable,
    WindowClosed,
)
from onestop.logs import bound
from onestop.pipeline.flows import RunResult
from onestop.pipeline.impact import impact
from onestop.pipeline.refusal import refusal_vi
from onestop.pipeline.warehouse_faults import explained
from onestop.quality.quarantine_status import Selection
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres
from onestop.warehouse.migrations import migrate

WAREHOUSE = "warehouse"
# What commands are about, as the steps of the DAGs are: the one settles what the other raised.
TRANSFORM, REPORT, RECONCILE = "transform__warehouse", "report__quarterly", "ops__reconcile"
MAINTENANCE = "ops__maintenance.backup"
MOST_FILES, MOST_BYTES = 5, 10 * 2**20
# Kinds that a run's own end settles; the others are settled by the next look of the watch.
OF_RUNS = frozenset(
    (
        "source_unavailable",
        "window_closed",
        "build_failed",
        "configuration",
        "task_failed",
        "data_refused",
        "many_differences",
        "backup_failed",
    )
)
_KINDS: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (DataRefused, "data_refused"),
    (WindowClosed, "window_closed"),
    (SourceUnavailable, "source_unavailable"),
    ((WarehouseUnavailable, psycopg.OperationalError, psycopg.InterfaceError), "warehouse_unavailable"),
    (BuildFailed, "build_failed"),
    (DeliveryFailed, "delivery_failed"),
    (ConfigurationError, "configuration"),
)
_log = logging.getLogger("onestop.alerts")


@contextmanager
def desk(settings: Settings) -> Iterator[tuple[Desk, psycopg.Connection[Any] | None]]:
    """The desk on the warehouse; on the file beside it, with no connection, while that cannot be reached."""
    file = FileBook(settings.local / "alerts.jsonl")
    connection = _connection(settings)
    if connection is None:
        yield Desk(settings, file), None
        return
    with closing(connection), tempfile.TemporaryDirectory(prefix="onestop-alert-") as folder:
        book = DatabaseBook(connection)
        file.hand_over(book)

        def attachments(alert: Alert) -> Sequence[Path]:
            return workbooks(settings, alert, Path(folder))

        yield Desk(settings, book, attachments), connection


def of_fault(settings: Settings, problem: BaseException, subject: str, *, run_url: str = "") -> None:
    """A step failed for good: raise and tell."""

    def act(at_desk: Desk, connection: psycopg.Connection[Any] | None, at: datetime) -> None:
        kind = kind_of(problem, subject)
        about = WAREHOUSE if kind == "warehouse_unavailable" else getattr(problem, "about", None) or subject
        impact_en, impact_vi = impact(connection, settings, kind, about, at)
        evidence, next_step = words(problem)
        said = f"{subject}: {evidence}" if about != subject else evidence
        said_vi = refusal_vi(connection, about) if connection and kind == "data_refused" else ""
        alert = Alert(kind, about, said, said_vi, impact_en, impact_vi, next_step, run_url)
        at_desk.raise_(alert, at)
        at_desk.tell(at)

    at_desk(settings, act)


def of_success(settings: Settings, subject: str) -> None:
    """A step went well: what was wrong with it, or with a step of it, is over; so is a warehouse that was down."""

    def over(alert: Alert) -> bool:
        if alert.kind == "warehouse_unavailable":
            return True
        return alert.kind in OF_RUNS and (alert.subject == subject or alert.subject.startswith(f"{subject}."))

    def act(at_desk: Desk, connection: psycopg.Connection[Any] | None, at: datetime) -> None:
        if connection is not None and at_desk.settle(over, at):
            at_desk.tell(at)

    at_desk(settings, act)


@contextmanager
def watched(settings: Settings, subject: str) -> Iterator[None]:
    """A command's work: its fault is told, its end settles.

    Wrong words on the command line are nobody's alert, nor is a source that somebody asked for outside of its hours.
    """
    try:
        with bound(step=subject), explained(subject):
            yield
    except ConfigurationError:
        raise
    except OnestopError as problem:
        if not isinstance(problem, WindowClosed) or problem.was_asked:
            of_fault(settings, problem, subject)
        raise
    of_success(settings, subject)


def of_run(settings: Settings, result: RunResult) -> None:
    """What `onestop run` did: each source by itself, then what was built of them."""
    for step, problem in result.problems:
        of_fault(settings, problem, {"transform": TRANSFORM, "report": REPORT}.get(step, step))
    done = {ingest.source_id for ingest in result.ingests} | ({TRANSFORM} if result.build else set())
    for subject in sorted(done - {step for step, _ in result.problems}):
        of_success(settings, subject)


def kind_of(problem: BaseException, subject: str = "") -> str:
    """The kind of a fault, by its class; what reconciliation refuses is no delivery."""
    if isinstance(problem, DataRefused) and subject.startswith(RECONCILE):
        return "many_differences"
    return next((kind for classes, kind in _KINDS if isinstance(problem, classes)), "task_failed")


def words(problem: BaseException) -> tuple[str, str]:
    """What may be said of a fault, and its next step: of one that nobody foresaw, only what it is."""
    if isinstance(problem, OnestopError):
        return problem.message, problem.next_step or ""
    return (f"{type(problem).__name__}: {problem}" if isinstance(problem, OSError) else type(problem).__name__), ""


def workbooks(settings: Settings, alert: Alert, folder: Path) -> list[Path]:
    """The rejected rows of a source, a workbook per unit: what its owner corrects. Many, or large ones, as one archive."""
    if alert.kind not in ("data_refused", "quarantine_waiting"):
        return []
    from onestop.pipeline.quarantine_export import export

    place = folder / alert.subject
    try:
        done = export(settings, Selection(source_id=alert.subject), output=place, as_of=system_now())
    except OnestopError as problem:  # the message goes without
        _log.warning("no workbook for %s: %s", alert.fingerprint, problem.message)
        return []
    paths = [one.path for one in done]
    if len(paths) > MOST_FILES:
        packed = folder / f"can-sua-{alert.subject}.zip"
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in paths:
                archive.write(path, path.name)
        paths = [packed]
    return paths if sum(path.stat().st_size for path in paths) <= MOST_BYTES else []


def try_channels(settings: Settings) -> list[tuple[str, str | None]]:
    """Tell every channel that this is a test; each with what it answered, None where it took it."""
    from onestop.alerts.channels import channel
    from onestop.alerts.message import Message
    from onestop.alerts.model import Event, state_of

    now = system_now()
    state = state_of([Event("task_failed:test", "seen", now)])
    assert state is not None  # noqa: S101  (it was seen)
    said = Message(
        f"[Onestop {settings.province.name_vi}] Test",
        "This is a test of the alerts. / Đây là thư thử của hệ thống cảnh báo.\n",
    )
    answers: list[tuple[str, str | None]] = []
    for target in sorted(settings.alerts.targets):
        try:
            channel(settings, target).send(said, state, ())
            answers.append((target, None))
        except OnestopError as problem:
            answers.append((target, problem.message))
    return answers


def settle_by_hand(settings: Settings, fingerprint: str) -> bool:
    """Note that an open alert is over; whether there was one."""
    with desk(settings) as (at_desk, _):
        return bool(at_desk.settle(lambda alert: alert.fingerprint == fingerprint, system_now()))


def tell_now(settings: Settings) -> list[Told]:
    """Everything that is due: what quiet hours or a failing channel held back, reminders, recoveries."""
    with desk(settings) as (at_desk, _):
        return at_desk.tell(system_now())


def at_desk(settings: Settings, act: Callable[[Desk, psycopg.Connection[Any] | None, datetime], None]) -> None:
    """Do something at the desk; a fault of its own is logged and hides no other."""
    try:
        with desk(settings) as (at_desk, connection):
            act(at_desk, connection, system_now())
    except (OnestopError, psycopg.Error, OSError) as problem:
        _log.warning("an alert could not be kept: %s", words(problem)[0])


def _connection(settings: Settings) -> psycopg.Connection[Any] | None:
    """The warehouse, if it runs: a server that was stopped is not started for an alert's sake."""
    dsn = settings.warehouse_dsn
    if dsn is None:
        server = EmbeddedPostgres(settings.local)
        if not server.running:
            return None
        dsn = server.warehouse_dsn
    try:
        connection = connect(dsn, autocommit=True)
    except OnestopError:
        return None
    try:
        migrate(connection)
    except (OnestopError, psycopg.Error):
        connection.close()
        return None
    return connection
