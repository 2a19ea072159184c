"""From a closed period to its rendered products: what an office waits for between the night's build and the files.

The build itself is the night's; what it costs is measured by `nights` and `published`.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from bench.place import place
from onestop import periods
from onestop.pipeline import editions, flows
from onestop.reporting.draft import PAGE
from onestop.warehouse.connection import connect, warehouse_dsn

PERIOD = periods.parse("2024-Q3")


@dataclass(frozen=True)
class Outcome:
    """What was published: dossiers in the warehouse, units with figures, megabytes of the page, seconds by step."""

    dossiers: int
    units: int
    page_megabytes: float
    seconds: dict[str, float]


def measure(dossiers: int) -> Outcome:
    """Load and build a province of about this many dossiers, then take its quarter to published files."""
    with place(dossiers) as here:
        result = flows.run(here.settings, PERIOD, as_of=here.as_of)
        if result.problems:
            raise RuntimeError(str(result.problems))
        seconds: dict[str, float] = {}

        def timed(step: str, act: Callable[[], object]) -> None:
            started = time.monotonic()
            act()
            seconds[step] = time.monotonic() - started

        timed("draft", lambda: editions.draft(here.settings, PERIOD, at=here.as_of, by="A"))
        timed("approve", lambda: editions.approve(here.settings, PERIOD, at=here.as_of, by="B"))
        timed("publish, all files rendered", lambda: editions.publish(here.settings, PERIOD, at=here.as_of, by="B"))
        folder = here.settings.reports_path / PERIOD.folder / "edition-1"
        with closing(connect(warehouse_dsn(here.settings))) as connection:
            ((counted, units),) = connection.execute(
                "select (select count(*) from mart.fct_dossier), (select count(distinct agency_code)"
                " from report.form_ii_06a where (period_convention, period) = ('statutory', '2024-Q3'))"
            ).fetchall()
        return Outcome(counted, units, (folder / PAGE).stat().st_size / 1e6, seconds)
