"""A quarter that a province has published, from a calibrated sandbox through the whole product at its full size.

What was published must come out of `report.form_ii_06a` to the dossier: Đắk Nông's first half of 2021 with all of its
columns, the only row published in full.
"""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass

from bench.place import place_of
from onestop import periods
from onestop.pipeline import flows
from onestop.sandbox.scenarios import scenario
from onestop.warehouse.connection import connect, warehouse_dsn

NAMES = ("dak_nong_2021_h1",)


@dataclass(frozen=True)
class Outcome:
    """A published period: its figures as (column, published, found), and how long the whole way took."""

    scope: str
    dossiers: int
    seconds: float
    figures: list[tuple[str, int, int]]


def measure(names: tuple[str, ...] = NAMES) -> list[Outcome]:
    """Every published period, in one run each: ingest, judge, load, build, draft."""
    return [_one(name) for name in names]


def _one(name: str) -> Outcome:
    published = scenario(name)
    with place_of(name) as here:
        started = time.monotonic()
        result = flows.run(here.settings, periods.parse(published.period), as_of=here.as_of)
        seconds = time.monotonic() - started
        if result.problems:
            raise RuntimeError(f"{name}: {result.problems}")
        columns = ", ".join(published.target)
        with closing(connect(warehouse_dsn(here.settings))) as connection:
            row = connection.execute(
                f"select {columns} from report.form_ii_06a where (period_convention, period, org_view, agency_code)"
                " = ('statutory', %s, 'as_was', %s)".encode(),
                [published.period, published.code],
            ).fetchone()
            counted = connection.execute("select count(*) from mart.fct_dossier").fetchone()
        if row is None or counted is None:
            raise RuntimeError(f"{name}: the warehouse holds no row for {published.period}")
        figures = [
            (column, wanted, int(found)) for (column, wanted), found in zip(published.target.items(), row, strict=True)
        ]
        return Outcome(f"{published.name_vi} {published.period}", int(counted[0]), seconds, figures)
