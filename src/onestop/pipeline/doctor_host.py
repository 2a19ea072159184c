"""What `onestop doctor` looks at on the machine and its server: versions, rights, clock, time zone, fonts, ports, room
for connections, variables of the alerts' channels. Each check gives words, or raises with a next step."""

from __future__ import annotations

import json
import platform
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zoneinfo import ZoneInfo

import psutil

from onestop import __version__
from onestop.clock import system_now
from onestop.config import Settings, in_environment
from onestop.errors import ConfigurationError, OnestopError
from onestop.warehouse import dump, ports
from onestop.warehouse.connection import connect, warehouse_dsn
from onestop.warehouse.embedded import EmbeddedPostgres

MOST_OFF = timedelta(seconds=60)  # a cursor overlaps by an hour; beyond this, moments of runs mislead
CONNECTIONS = 20  # a night's: its tasks', dbt's, Airflow's own
_PACKAGES = {"apache-airflow": "3.3", "dbt-core": "1.11", "great-expectations": "1.24"}
_LETTERS, _NO_LETTER = "Đẵợữ", "\u0378"


def host_checks(settings: Settings) -> list[tuple[str, Callable[[], str]]]:
    """All of them, by name."""
    checks = (versions, rights, fonts)
    named: list[tuple[str, Callable[[], str]]] = [(check.__name__, partial(check, settings)) for check in checks]
    return [
        *named, ("time zone", partial(time_zone, settings)), ("ports", partial(free_ports, settings)),
        ("alert channels", partial(alert_channels, settings)),
    ]  # fmt: skip


def server_checks(settings: Settings) -> list[tuple[str, Callable[[], str]]]:
    """Those that ask the warehouse's server."""
    return [
        ("clock", partial(clock, settings)), ("connections", partial(connections, settings)),
        ("programs", partial(programs, settings)),
    ]  # fmt: skip


def versions(settings: Settings) -> str:
    """Python and the packages that decide what a build is."""
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        raise OnestopError(
            f"Python {platform.python_version()}", next_step="set up again with a Python from 3.11 to 3.13"
        )
    found = []
    for name, wanted in _PACKAGES.items():
        try:
            installed = version(name)
        except PackageNotFoundError:
            raise OnestopError(f"{name} is not installed", next_step="set up again: make setup") from None
        if not f"{installed}.".startswith(f"{wanted}."):
            raise OnestopError(f"{name} is {installed}, not {wanted}", next_step="set up again: make setup")
        found.append(f"{name} {installed}")
    return f"onestop {__version__}, Python {platform.python_version()}, {', '.join(found)}"


def rights(settings: Settings) -> str:
    """Whether what is written can be, and what is secret is nobody else's to read."""
    landing = [] if "://" in settings.landing_url else [Path(settings.landing_url)]
    folders = [settings.local, settings.reports_path, settings.backups_path, settings.metrics_path.parent, *landing]
    for folder in folders:
        there = next(path for path in (folder, *folder.parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as problem:
            raise OnestopError(
                f"{there} cannot be written: {problem.strerror}",
                next_step="correct its rights, or its path in province.yml",
            ) from None
    for name in ("keys.json", "postgres.json", "airflow/onestop.json"):
        file = settings.local / name
        if file.exists() and file.stat().st_mode & 0o077:
            raise OnestopError(f"{file} can be read by others", next_step=f"chmod 600 {file}")
    return f"{len(folders)} folders can be written; what is secret is its owner's alone"


def clock(settings: Settings) -> str:
    """This machine's clock beside the server's."""
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        before = system_now()
        row = connection.execute("select clock_timestamp()").fetchone()
        between = before + (system_now() - before) / 2
    off = row[0] - between if row else timedelta()
    if abs(off) > MOST_OFF:
        raise OnestopError(
            f"the clock of the server is {off.total_seconds():+.0f} s off ours",
            next_step="let both machines follow a time server (NTP)",
        )
    return f"{abs(off.total_seconds()):.1f} s from the server's"


def time_zone(settings: Settings) -> str:
    """The province's zone, with the offset that its data give."""
    now = datetime.now(ZoneInfo(settings.province.timezone))
    if settings.province.timezone == "Asia/Ho_Chi_Minh" and now.utcoffset() != timedelta(hours=7):
        raise OnestopError(
            f"the time zone data give {now:%z} for Asia/Ho_Chi_Minh", next_step="upgrade tzdata: make setup"
        )
    own = datetime.now(UTC).astimezone()
    return f"{settings.province.timezone}, {now:%H:%M %z}; the machine's own, {own:%H:%M %z}, does not matter"


def fonts(settings: Settings) -> str:
    """Vietnamese letters, drawn: without a font that has them they come out as any letter that no font has."""
    import vl_convert

    def drawn(text: str) -> bytes:
        chart = {"data": {"values": [{}]}, "mark": {"type": "text", "text": text, "fontSize": 20}}
        spec = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", **chart, "width": 100}
        return bytes(vl_convert.vegalite_to_png(json.dumps(spec)))

    missing = [letter for letter in _LETTERS if drawn(letter) == drawn(_NO_LETTER)]
    if missing:
        raise OnestopError(
            f"no font draws {' '.join(missing)}: charts would have boxes", next_step="install one: fonts-dejavu-core"
        )
    return "Vietnamese letters are drawn; documents bring their own"


def free_ports(settings: Settings) -> str:
    """The ports that were chosen once: ours, or free."""
    found = []
    for name, file in (
        ("PostgreSQL", settings.local / "postgres.json"),
        ("Airflow", settings.local / "airflow/onestop.json"),
    ):
        try:
            port = int(json.loads(file.read_text(encoding="utf-8"))["port"])
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if not port:
            continue
        if not ports.is_free(port) and not _is_ours(settings, name):
            raise OnestopError(
                f"port {port} of {name} is taken by another program",
                next_step=f'stop it, or write another number at "port" in {file}',
            )
        found.append(f"{name} {port}")
    return ", ".join(found) or "none chosen yet"


def connections(settings: Settings) -> str:
    """Room for a night's connections."""
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        row = connection.execute(
            "select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int,"
            " (select count(*) from pg_stat_activity where backend_type = 'client backend')"
        ).fetchone()
    most, used = row or (0, 0)
    if most - used < CONNECTIONS:
        raise OnestopError(
            f"{used} of {most} connections are taken; a night needs {CONNECTIONS}",
            next_step="raise the server's max_connections",
        )
    return f"{most - used} of {most} are free"


def programs(settings: Settings) -> str:
    """pg_dump and pg_restore that the server's version takes."""
    with closing(connect(warehouse_dsn(settings), autocommit=True)) as connection:
        major = connection.info.server_version // 10000
    return ", ".join(str(dump.program(name, major)) for name in ("pg_dump", "pg_restore"))


def alert_channels(settings: Settings) -> str:
    """Whether every channel has what it needs from the environment; nothing is sent."""
    alerts = settings.alerts
    if not alerts.targets:
        return "none set: nobody is told what goes wrong (docs/alerts.md)"
    names = [target for target in alerts.targets if "@" not in target]
    if settings.alert_mail:
        names += settings.alert_mail.secrets
    if missing := sorted(name for name in names if not in_environment(name)):
        raise ConfigurationError(f"not set: {', '.join(missing)}", next_step="set them where the tasks run")
    return f"{len(alerts.targets)}; `onestop alerts --test` tries them"


def _is_ours(settings: Settings, name: str) -> bool:
    """Whether what listens there was started by this project."""
    if name == "PostgreSQL":
        return EmbeddedPostgres(settings.local).running
    try:
        server = json.loads((settings.local / "run/api-server.json").read_text(encoding="ascii"))
        return psutil.pid_exists(int(server["pid"]))
    except (OSError, ValueError, KeyError):
        return False
