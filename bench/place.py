"""A temporary province with its own server, settled as the product settles it (fsync on)."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from onestop import config
from onestop.clock import parse_moment
from onestop.config import Settings
from onestop.sandbox.main import start
from onestop.sandbox.scenarios import SCENARIOS, scenario
from onestop.warehouse.embedded import EmbeddedPostgres

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
        with start(name, folder, port=0, with_expected=False) as sandbox:
            os.environ.update(sandbox.environment)
            settings = config.load(folder / "province.yml")
            postgres = EmbeddedPostgres(settings.local)
            postgres.start()
            try:
                yield Place(settings, parse_moment(scenario(name).as_of.isoformat(), settings.zone), postgres)
            finally:
                postgres.destroy()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
