"""`onestop doctor`: looks at every part a run depends on and says what is wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from onestop.clock import system_now, to_stamp
from onestop.config import PortalExportSource, Settings, Source
from onestop.delivery import mail, places, returned
from onestop.delivery.parcel import Outcome
from onestop.errors import OnestopError
from onestop.landing.files import files_at
from onestop.pipeline import hash_keys
from onestop.pipeline.connectors import connector
from onestop.pipeline.doctor_host import host_checks, server_checks
from onestop.pipeline.file_folders import file_system
from onestop.pipeline.keys import load_keys
from onestop.pipeline.night import free_room
from onestop.sources.portal_export import list_files
from onestop.sources.reference import FILES, ReferenceFile, read_reference
from onestop.warehouse import rights
from onestop.warehouse.connection import connect, warehouse_dsn


@dataclass(frozen=True)
class Finding:
    """One check and what it found."""

    check: str
    ok: bool
    says: str
    next_step: str | None = None


def examine(settings: Settings) -> list[Finding]:
    """Run every check; one that fails does not keep the others from running."""
    checks: list[tuple[str, Callable[[], str]]] = [
        *host_checks(settings),
        ("keys", partial(_keys, settings)),
        ("disk", partial(_disk, settings)),
        ("landing", partial(_landing, settings)),
        ("warehouse", partial(_warehouse, settings)),
        ("hash keys", partial(_hash_keys, settings)),
        ("audit", partial(_audit, settings)),
        *server_checks(settings),
        *((f"reference {kind.name}", partial(_reference, settings, kind)) for kind in FILES),
        *((f"source {source.id}", partial(_source, settings, source)) for source in settings.sources),
        *_deliveries(settings),
    ]
    return list(_examined(checks))


def _examined(checks: list[tuple[str, Callable[[], str]]]) -> Iterator[Finding]:
    yield Finding("configuration", True, "province.yml is in order")
    for name, check in checks:
        try:
            yield Finding(name, True, check())
        except OnestopError as problem:
            yield Finding(name, False, problem.message, problem.next_step)


def _keys(settings: Settings) -> str:
    load_keys(settings)
    return "present"


def _hash_keys(settings: Settings) -> str:
    """Whether the warehouse's hashes were made with the keys at hand."""
    keys = load_keys(settings)
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        if not connection.execute("select to_regclass('ops.hash_key') is not null").fetchall()[0][0]:
            return "nothing is stored yet"
        names = hash_keys.stored(connection)
    if names and hash_keys.fitting(keys, names) < len(keys.ring):
        return "a new one waits: onestop keys rotate"
    return "in force"


def _audit(settings: Settings) -> str:
    """Whether the server says who logged in and read what: never a fault, because it is for whoever runs the server."""
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        ((logged, preloaded),) = connection.execute(
            "select current_setting('log_connections'), current_setting('shared_preload_libraries', true)"
            " where pg_has_role(current_user, 'pg_read_all_settings', 'USAGE')"
            " union all select current_setting('log_connections'), null limit 1"
        ).fetchall()
    loaded = "" if preloaded is None else "; pgaudit is loaded" if "pgaudit" in preloaded else "; pgaudit is not loaded"
    said = "logs" if logged not in ("off", "") else "does not log"
    return f"the server {said} who logs in{loaded} (docs/rights.md)"


def _disk(settings: Settings) -> str:
    settings.local.mkdir(parents=True, exist_ok=True)
    room = free_room(settings)
    for name, free in room.items():
        if free < settings.watch.free_gib * 2**30:
            raise OnestopError(
                f"only {free / 2**30:.1f} GiB are free for {name}", next_step="make room, or run `onestop maintenance`"
            )
    return ", ".join(f"{name}: {free / 2**30:.0f} GiB free" for name, free in room.items())


def _landing(settings: Settings) -> str:
    """Whether the landing answers; what it holds is not read."""
    files_at(settings.landing_url, settings.landing_options).exists("anything")
    return "it answers"


def _warehouse(settings: Settings) -> str:
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        row = connection.execute(
            "select current_setting('server_version'), has_database_privilege(current_database(), 'CREATE'),"
            " (select rolcreaterole or rolsuper from pg_roles where rolname = current_user)"
        ).fetchone()
        is_migrated = connection.execute("select to_regclass('ops.declaration') is not null").fetchall()[0][0]
        otherwise = rights.differences(connection) if is_migrated else []
    assert row is not None  # noqa: S101  (a select of values gives one row)
    version, may_create, may_make_roles = row
    if not may_create:
        raise OnestopError("the role may not create schemas", next_step="make it the owner of the database")
    if otherwise and may_make_roles:
        more = f" (and {len(otherwise) - 1} more)" if len(otherwise) > 1 else ""
        raise OnestopError(
            f"rights differ from what is declared: {otherwise[0]}{more}", next_step="onestop roles apply"
        )
    roles = "" if may_make_roles else "; the role lacks CREATEROLE, so no reading roles can be made"
    return f"PostgreSQL {version}{roles}"


def _reference(settings: Settings, kind: ReferenceFile) -> str:
    path = settings.reference_path / kind.name
    if not path.is_file():
        if kind.mandatory:
            raise OnestopError(f"{path} is missing", next_step="put it there; docs/sources.md says what it holds")
        return "not there (optional)"
    return f"{len(read_reference(kind, path.read_bytes())):,} rows"


def _deliveries(settings: Settings) -> Iterator[tuple[str, Callable[[], str]]]:
    """The mail server and the folders of those who receive; nothing is sent."""
    if settings.delivery.mail and any(one.mail for one in settings.delivery.recipients):
        yield "delivery by mail", partial(_reached, partial(mail.look, settings.delivery.mail))
    for one in settings.delivery.recipients:
        if not one.mail:
            yield f"recipient {one.id}", partial(_reached, partial(places.look, settings, one))
    if folder := settings.returned_mail_path:
        yield "returned mail", partial(_mailbox, folder)


def _reached(look: Callable[[], Outcome]) -> str:
    found = look()
    if found.state != "sent":
        raise OnestopError(found.message, next_step=found.next_step)
    return found.message


def _mailbox(folder: Path) -> str:
    return f"{sum(1 for _ in returned.mailbox(folder, system_now() - timedelta(days=30)))} letters of the last 30 days"


def _source(settings: Settings, source: Source) -> str:
    """Ask for the last minute: the token, the address and the format are tried, and little is read."""
    if source.window and not source.window.is_open(system_now(), settings.zone):
        return f"not asked now: it may be asked from {source.window} only, local time"
    if isinstance(source, PortalExportSource):
        with file_system(settings, source) as (fs, path):
            return f"{len(list_files(fs, path).files)} exports in its folder"
    now = system_now()
    feed = connector(settings, source.model_copy(update={"retry_budget_seconds": 5.0}))
    start, end = (to_stamp(moment, settings.zone) for moment in (now - timedelta(minutes=1), now))
    with closing(feed.pages(start, end)) as pages:
        next(pages, None)
    return "it answers"
