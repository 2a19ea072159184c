"""A temporary province with its own server, settled as the product settles it (fsync on).

What plays the source system has a process of its own, as a source has a machine of its own: in one interpreter with
what is measured, either would wait for the other.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection
from pathlib import Path

from onestop import config
from onestop.clock import parse_moment
from onestop.config import Settings
from onestop.sandbox import planted
from onestop.sandbox.main import start
from onestop.sandbox.scenarios import SCENARIOS, Scenario, scenario
from onestop.warehouse.connection import connect
from onestop.warehouse.embedded import EmbeddedPostgres
from onestop.warehouse.migrations import migrate

FULL_SIZE = 240_000  # dossiers of dak_lak_2024_q3, about


@dataclass
class Place:
    """A folder with province.yml, a sandbox that serves it, an embedded PostgreSQL that runs."""

    settings: Settings
    as_of: datetime
    postgres: EmbeddedPostgres


@contextmanager
def place(dossiers: int) -> Iterator[Place]:
    """A province with about this many dossiers, all of its servers stopped at the end."""
    name = f"bench_{dossiers}"
    SCENARIOS[name] = scenario("dak_lak_2024_q3").scaled(dossiers / FULL_SIZE, name)
    with place_of(name) as here:
        yield here


@contextmanager
def place_of(name: str) -> Iterator[Place]:
    """The province of a scenario, all of its servers stopped at the end."""
    folder = Path(tempfile.mkdtemp(prefix="onestop-bench-"))
    folder.chmod(0o755)
    try:
        with _served(scenario(name), folder):
            settings = config.load(folder / "province.yml")
            postgres = EmbeddedPostgres(settings.local)
            postgres.start()
            try:
                yield Place(settings, parse_moment(scenario(name).as_of.isoformat(), settings.zone), postgres)
            finally:
                postgres.destroy()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def planted_place(dossiers: int) -> Iterator[tuple[str, Path]]:
    """A warehouse with this many planted dossiers on each side (onestop.sandbox.planted), not built: DSN and folder."""
    folder = Path(tempfile.mkdtemp(prefix="onestop-bench-"))
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder / ".local")
    try:
        postgres.start()
        dsn = postgres.warehouse_dsn
        with closing(connect(dsn)) as connection:
            migrate(connection)
        with closing(connect(dsn)) as connection, connection.transaction():
            planted.plant(connection, dossiers)
        yield dsn, folder
    finally:
        postgres.destroy()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _served(chosen: Scenario, folder: Path) -> Iterator[None]:
    """The source system, up as long as the block lasts; its credentials are in the environment."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(chosen, folder, there), daemon=True)
    server.start()
    there.close()
    try:
        os.environ.update(here.recv())
        yield
    finally:
        here.close()  # which it waits for
        server.join(30)
        server.kill()


def _serve(chosen: Scenario, folder: Path, until_closed: Connection) -> None:
    SCENARIOS[chosen.name] = chosen
    with start(chosen.name, folder, port=0, with_expected=False) as sandbox:
        until_closed.send(sandbox.environment)
        until_closed.poll(None)
