"""Small cells of real editions: left out of what the public reads, again in a restatement, and verified."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest

from onestop.periods import Period, parse
from onestop.reporting.editions import life, products, store
from onestop.reporting.editions.earlier import earlier, printed
from onestop.reporting.editions.verify import verify
from onestop.reporting.model import ReportFigures
from onestop.warehouse.connection import connect
from small_editions import AT, draft
from small_province import small_figures
from worlds import make_world

pytestmark = pytest.mark.integration
QUARTER = parse("2024-Q2")


def test_a_restatement_and_its_verification(
    module_warehouse: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world(tmp_path, module_warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)

    days = count()

    def publish(connection: psycopg.Connection[Any], period: Period, version: int, figures: ReportFigures) -> set[str]:
        at = AT + timedelta(days=next(days))
        draft(connection, period, version, figures)
        life.approve(connection, period, at=at, by="Nguyễn Văn A")
        life.publish(connection, world.settings, period, at=at, by="Nguyễn Văn A")
        content = products.kept(connection, store.edition(connection, period))["du-lieu.zip"][0]
        return {f"{node} {c}" for node, numbers in printed(content).items() for c, n in numbers.items() if n is None}

    with closing(connect(world.dsn, autocommit=True)) as connection:
        full = small_figures()
        first = publish(connection, QUARTER, 1, replace(full, least=5))
        assert "H15.31.02 resolved_overdue" in first
        assert publish(connection, QUARTER, 2, replace(full, least=2)) >= first  # left out once, left out again
        half = publish(connection, parse("2024-H1"), 1, replace(full, least=2))
        assert half >= {cell for cell in first if "resolved" in cell or cell.endswith(("online", "direct_postal"))}
        assert [str(one.period) for one in earlier(connection, store.edition(connection, QUARTER, 2))] == [str(QUARTER)]
        for period in (QUARTER, parse("2024-H1")):
            checked = verify(connection, world.settings, period)
            assert checked.findings == () and checked.rendered == checked.files
