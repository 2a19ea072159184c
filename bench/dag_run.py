"""Seconds from the trigger of the first DAG to the finished report, at full size, on a platform of its own."""

from __future__ import annotations

import os
import time

from rich.console import Console

from bench.place import FULL_SIZE, place
from onestop.platform import local_platform
from onestop.platform.airflow_client import AirflowClient
from onestop.platform.demo_runs import run_dags
from onestop.platform.demo_screen import Screen


def measure() -> dict[str, float]:
    """Step -> seconds: the platform's first start, and the DAG runs from the first trigger to the report's files."""
    with place(FULL_SIZE) as here:
        began = time.monotonic()
        environment = {name: value for name, value in os.environ.items() if name.startswith("IGATE_")}
        platform = local_platform.up(
            here.settings, extra_environment=environment | {"ONESTOP_AS_OF": here.as_of.isoformat()}
        )
        try:
            started = time.monotonic()
            with AirflowClient(platform.airflow_url, platform.user, platform.password) as client:
                run_dags(client, Screen(Console(quiet=True)), ["igate"], "2024-Q3")
            ended = time.monotonic()
        finally:
            local_platform.down(here.settings)
    return {
        "first start of PostgreSQL and Airflow": started - began,
        "first trigger to finished report": ended - started,
    }
