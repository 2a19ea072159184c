"""The local platform as a whole: `onestop up`, `down` and `status`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass
from typing import Any

import psycopg

from onestop.config import Settings
from onestop.errors import ConfigurationError, OnestopError
from onestop.platform import deployed
from onestop.platform.airflow import USER, LocalAirflow, services, stop_airflow
from onestop.platform.bi.service import service as superset_service
from onestop.platform.processes import Service, alone, stop
from onestop.transform.freshness import Freshness, newest_freshness
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres


@dataclass(frozen=True)
class PlatformStatus:
    """What `up` leaves running. The password is for the terminal of the one who asked, and for nothing else."""

    warehouse_dsn: str
    airflow_url: str
    user: str
    password: str
    dag_ids: tuple[str, ...]
    import_errors: Mapping[str, str]


def up(
    settings: Settings,
    *,
    extra_environment: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> PlatformStatus:
    """Start PostgreSQL and Airflow, or what of them does not run, and wait until both are ready.

    Args:
        extra_environment: variables for the tasks, over those of this process.
        progress: told what is being started.

    Raises:
        WarehouseUnavailable: a server did not start.
        ConfigurationError: the data folder is not ours, or this is a server of the province's own Airflow.
    """
    if deployed.address() is not None:
        raise ConfigurationError(
            "this is a server of the province's own Airflow, which a platform beside it would not know of",
            next_step="start its servers as docs/deployment.md says; onestop status tells how they are",
        )
    postgres = EmbeddedPostgres(settings.local)
    with _alone(settings):
        progress("PostgreSQL")
        postgres.start()
        progress("Airflow")
        airflow = LocalAirflow(settings, postgres.airflow_dsn)
        airflow.start(extra_environment)
    with airflow.client() as client:
        dag_ids, import_errors = tuple(client.dag_ids()), client.import_errors()
    warehouse = settings.warehouse_dsn or postgres.warehouse_dsn
    return PlatformStatus(warehouse, airflow.url, USER, airflow.password, dag_ids, import_errors)


def down(settings: Settings) -> list[str]:
    """Stop Airflow with its running tasks, Superset, a sandbox, then PostgreSQL; returns the names of what was stopped.

    A task that was stopped is tried again after the next `up`.

    Raises:
        WarehouseUnavailable: PostgreSQL does not stop.
    """
    if not settings.local.is_dir():
        return []
    with _alone(settings):
        stopped = stop_airflow(settings)
        others = [superset_service(settings), sandbox_service(settings)]
        stopped += [service.name for service in others if service.running]
        stop(others)
        postgres = EmbeddedPostgres(settings.local)
        if postgres.running:
            stopped.append("postgres")
        postgres.stop()
    return stopped


def status(settings: Settings) -> dict[str, Any]:
    """What runs: `warehouse.dsn`, `airflow.url` (None while down), the user's name, one entry per process; and how old
    the sources were at the last look. On a server of the province's own Airflow its parts stand for the processes."""
    postgres = EmbeddedPostgres(settings.local)
    servers = services(settings)
    running = all(s.running for s in servers)
    airflow: dict[str, Any] = {"running": running, "url": None, "user": USER}
    database = postgres.status()
    if running:
        airflow["url"] = LocalAirflow(settings, postgres.airflow_dsn).url
    dsn = settings.warehouse_dsn or (postgres.warehouse_dsn if database["running"] else None)
    processes: list[dict[str, Any]] = [
        {"name": s.name, "pid": s.pid, "running": s.running, "memory_bytes": s.memory_bytes(), "log": str(s.log)}
        for s in servers
    ]
    if (address := deployed.address()) is not None:
        parts = deployed.health(address)
        airflow = {"running": bool(parts) and all(parts.values()), "url": address if parts else None, "user": None}
        processes = [{"name": n, "pid": None, "running": w, "memory_bytes": 0, "log": None} for n, w in parts.items()]
    return {
        "warehouse": {"dsn": dsn, "embedded": settings.warehouse_dsn is None, "running": dsn is not None},
        "airflow": airflow,
        "postgres": database,
        "processes": processes,
        "freshness": _freshness(dsn),
    }


def _freshness(dsn: str | None) -> list[Freshness]:
    """How old the sources were when somebody last looked; nothing while the warehouse cannot be asked."""
    if dsn is None:
        return []
    try:
        with closing(connect(dsn, autocommit=True)) as connection:
            return newest_freshness(connection)
    except (OnestopError, psycopg.Error):
        return []


def sandbox_service(settings: Settings) -> Service:
    """The sample source system that a demonstration runs beside the platform."""
    return Service("sandbox", settings.local / "run", settings.local / "logs" / "sandbox.log")


def _alone(settings: Settings) -> AbstractContextManager[None]:
    """Let one process at a time start or stop the platform of a folder."""
    return alone(settings.local / "platform.lock", f"the platform in {settings.local}")
