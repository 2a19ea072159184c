"""What an Airflow that `onestop up` does not run needs before its servers start: tables, roles, pools. Twice is once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from onestop.config import Settings
from onestop.errors import WarehouseUnavailable
from onestop.pipeline import roles as warehouse_roles
from onestop.platform import accounts
from onestop.platform.names import pools_of

_SECONDS = 900


def prepare(settings: Settings, *, progress: Callable[[str], None] = lambda _: None) -> None:
    """Bring the warehouse and Airflow's own database to the installed version; make accounts' roles and pools.

    Raises:
        ConfigurationError: the warehouse's DSN is not set, or this Airflow has another auth manager.
        WarehouseUnavailable: a database cannot be reached, or Airflow could not make its tables.
    """
    progress("the warehouse's tables and rights")
    warehouse_roles.apply(settings)
    progress("Airflow's tables")
    command = [sys.executable, "-m", "airflow", "db", "migrate"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_SECONDS)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1][:300]
        raise WarehouseUnavailable(
            f"Airflow could not make its tables: {said}",
            next_step="run `airflow db migrate` to see all of what it says",
        )
    progress("Airflow's roles and pools")
    accounts.sync_roles()
    _make_pools(settings)


def _make_pools(settings: Settings) -> None:
    """Those that are missing; what somebody made of the others stays."""
    from airflow.models.pool import Pool

    for name, description in pools_of(settings).items():
        if Pool.get_pool(name) is None:
            Pool.create_or_update_pool(name=name, slots=1, description=description, include_deferred=False)
