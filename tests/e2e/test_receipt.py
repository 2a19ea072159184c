"""The real receipt log through the whole product, as a user runs it: both forms come out cell by cell."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from onestop.sandbox.faults import FaultPlan
from onestop.sandbox.server import OneStopServer
from worlds import CLIENT, SECRET, World, make_world, needs_shared

pytestmark = pytest.mark.e2e
ONESTOP = str(Path(sys.executable).with_name("onestop"))
TABLES = (
    "mart.quarterly_metric",
    "mart.fct_dossier",
    "mart.dim_period",
    "report.form_ii_06a",
    "report.form_ii_06a_field",
)


def reference_of(receipt: Path, folder: Path) -> Path:
    reference = folder / "reference"
    reference.mkdir()
    for name in ("agencies.csv", "procedures.csv"):
        shutil.copy(receipt / name, reference)
    return reference


def run(world: World, *more: str) -> tuple[int, dict[str, Any]]:
    """`onestop run` in a process of its own: exit code and what --json printed."""
    done = subprocess.run(
        [ONESTOP, "run", "--config", "province.yml", "--period", "2011-Q1", "--as-of", "2012-02-01T00:00:00+01:00", "--json", *more],
        cwd=world.folder, env=os.environ.copy(), capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def dump(dsn: str) -> dict[str, list[str]]:
    """Every row of the tables for BI as text, sorted."""
    with psycopg.connect(dsn) as connection:
        return {t: sorted(row[0] for row in connection.execute(f"select t::text from {t} t")) for t in TABLES}


@pytest.fixture(scope="module")
def receipt() -> Path:
    return needs_shared("data/receipt")


@pytest.fixture(scope="module")
def records(receipt: Path) -> list[bytes]:
    return (receipt / "dossiers.jsonl").read_bytes().splitlines()


@pytest.fixture
def world(receipt: Path, tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    reference = reference_of(receipt, tmp_path)
    yield make_world(
        tmp_path, warehouse, {"wabo": "http://127.0.0.1:9"}, monkeypatch,
        province="{code: H99, name_vi: Thành phố thử nghiệm, timezone: Europe/Amsterdam}", reference=reference,
    )  # fmt: skip


def serve(world: World, server: OneStopServer) -> None:
    text = (world.folder / "province.yml").read_text()
    (world.folder / "province.yml").write_text(text.replace("http://127.0.0.1:9", server.url))


def test_both_forms_cell_by_cell_and_again_under_every_fault(
    receipt: Path, records: list[bytes], world: World, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OneStopServer(records, CLIENT, SECRET) as server:
        serve(world, server)
        address = server.url
        code, said = run(world)
        assert (code, said["problems"]) == (0, [])
        first = dump(world.dsn)
        assert run(world)[0] == 0  # the same batch again
    expected = json.loads((receipt / "expected_2011-Q1.json").read_text())
    cells = 0
    for name, units in expected.items():
        convention, period = name.split("/")
        for unit, figures in units.items():
            columns = list(figures)
            ((*found,),) = world.rows(
                f"select {', '.join(columns)} from report.form_ii_06a where period_convention = %s and period = %s"
                " and agency_code = %s and org_view = 'as_was'", convention, period, unit,
            )  # fmt: skip
            assert dict(zip(columns, map(str, found), strict=True)) == {k: str(v) for k, v in figures.items()}, (
                name,
                unit,
            )
            cells += len(columns)
    assert cells == 2 * 4 * 13
    assert dump(world.dsn) == first

    ((channel, rules),) = world.rows("select payload->>'KenhThucHien', rule_ids from quarantine.rejected_row")
    assert (channel, rules) == ("9", ["OS-004"])
    assert world.ledger("wabo") == [("loaded", 1434, 1433, 1, 0, 0), ("duplicate", 1, 0, 0, 1, 0)]
    reports = [Path(p) for p in said["reports"]]
    assert reports and all(
        p.is_file() and p.parent == world.folder / ".local/reports/statutory_2011-Q1/draft" for p in reports
    )

    faulty = FaultPlan(seed=7, rate=0.7, hang_seconds=3.0)
    monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", empty_database)
    text = (world.folder / "province.yml").read_text().replace(address, "http://127.0.0.1:9")
    (world.folder / "province.yml").write_text(
        text.replace(
            "retry_budget_seconds: 10, timeout_seconds: 5",
            "retry_budget_seconds: 120, timeout_seconds: 1, page_size: 50",
        )
    )
    with OneStopServer(records, CLIENT, SECRET, faults=faulty, token_seconds=2) as server:
        serve(world, server)
        assert run(world)[0] == 0
        played = {kind for kind, n in server.outcomes.items() if n and kind.startswith("fault:")}
    assert len(played) >= 8, played
    assert dump(empty_database) == first
