"""Every figure of a built world explained: the list that `explain` gives counts up to the figure, whatever is counted."""

from __future__ import annotations

import random
from collections.abc import Iterable
from contextlib import closing
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from onestop.periods import parse
from onestop.reporting.editions import drafting, store
from onestop.reporting.editions.explain import explain
from onestop.warehouse.connection import connect


def explain_some(dsn: str, families: Iterable[str], per_metric: int, seed: int = 6) -> dict[str, int]:
    """Explain figures drawn from every metric of these families; how many of each agreed (all must)."""
    with closing(connect(dsn)) as connection:
        rows = connection.cursor(row_factory=dict_row).execute(
            "select figure.* from mart.quarterly_metric as figure join mart.dim_metric using (metric_code)"
            " where family = any(%s)",
            [list(families)],
        )
        drawn: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            drawn.setdefault(row["metric_code"], []).append(row)
        dice, agreed = random.Random(seed), {}
        for metric, figures in drawn.items():
            chosen = sorted(figures, key=str)
            dice.shuffle(chosen)
            # Both views, both conventions, every kind of period, units and roll-ups, fields: as far as they go around.
            chosen = _spread(chosen, per_metric)
            for row in chosen:
                found = explain(
                    connection,
                    parse(f"{row['period_convention']}:{row['period']}"),
                    metric,
                    row["agency_code"],
                    field=row["field_code"],
                    org_view=row["org_view"],
                )
                assert (found.numerator, found.denominator) == (row["numerator"], row["denominator"]), row
                assert found.agrees, (row, found.counted, len(found.items))
            agreed[metric] = len(chosen)
    return agreed


def _spread(rows: list[dict[str, Any]], wanted: int) -> list[dict[str, Any]]:
    """Rows that differ in view, convention, kind of period, field and unit as much as possible."""
    seen: set[tuple[str, object]] = set()
    first, rest = [], []
    for row in rows:
        marks = {
            ("view", row["org_view"]),
            ("convention", row["period_convention"]),
            ("kind", row["period"][4:6]),
            ("unit", row["agency_code"]),
            ("field", row["field_code"]),
        }
        (first if marks - seen else rest).append(row)
        seen |= marks
    return (first + rest)[:wanted]


def draft_all(dsn: str, known_at: datetime, least: int) -> int:
    """The contents of a draft of every period, which refuses figures that are not the sums of their lists; undone."""
    done = 0
    with closing(connect(dsn)) as connection:
        periods = connection.execute("select period_convention || ':' || period from mart.dim_period").fetchall()
        for (name,) in periods:
            period = parse(name)
            draft = store.add_draft(
                connection, period, version=1, known_at=known_at, is_preliminary=False, at=known_at, by="a test",
                reason_code=None, reason=None, code_version="test",
            )  # fmt: skip
            drafting.fill(connection, draft, period, known_at, "{}")
            row = connection.execute(
                "select count(*) from published.quarterly_metric where edition_id = %s", [draft]
            ).fetchone()
            done += int(row[0]) if row else 0
            connection.rollback()
    assert done > least
    return done
