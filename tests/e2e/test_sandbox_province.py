"""A generated province through the whole product: every figure equals what the sandbox itself counted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from onestop import config, periods
from onestop.clock import parse_moment
from onestop.pipeline import flows
from onestop.sandbox.main import start
from worlds import World

pytestmark = pytest.mark.e2e
COLUMNS = (
    "period_from", "period_to", "received_total", "received_online", "received_direct_postal", "received_carried_over",
    "resolved_total", "resolved_early", "resolved_on_time", "resolved_overdue", "in_progress_total",
    "in_progress_within", "in_progress_overdue",
)  # fmt: skip


@pytest.fixture(scope="module")
def sandbox_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sandbox")


def test_every_form_of_every_period_and_unit(
    sandbox_folder: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with start("small", sandbox_folder, port=0) as sandbox:
        monkeypatch.setenv("ONESTOP_WAREHOUSE_DSN", warehouse)
        monkeypatch.setenv("ONESTOP_HASH_KEY", "a hash key for tests only")
        monkeypatch.setenv("ONESTOP_DATA_KEY", "a data key for tests only")
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        settings = config.load(sandbox_folder / "province.yml")
        expected = json.loads((sandbox_folder / "expected.json").read_text())
        as_of = parse_moment(expected["as_of"], settings.zone)
        result = flows.run(settings, periods.parse(expected["period"]), as_of=as_of)
    assert result.problems == []
    world = World(sandbox_folder, warehouse, settings)

    assert world.one("select count(*) from mart.fct_dossier") == expected["dossiers_counted"]
    rules = world.rows(
        "select rule, count(*) from quarantine.rejected_row, unnest(rule_ids) rule group by 1 order by 1"
    )
    assert dict(rules) == expected["quarantined_by_rule"]
    assert world.one("select received from ops.load_batch where source_id = 'igate'") == expected["records_served"]

    found: dict[str, dict[str, list[str]]] = {}
    for convention, period, unit, *figures in world.rows(
        f"select period_convention, period, agency_code, {', '.join(COLUMNS)} from report.form_ii_06a where org_view = 'as_was'"
    ):
        found.setdefault(f"{convention}/{period}", {})[unit] = [str(f) for f in figures]
    for name, units in expected["forms"].items():
        counted = {
            unit: [str(row[c]) for c in COLUMNS]
            for unit, row in units.items()
            if row["received_total"] or unit == "H15"
        }
        assert found[name] == counted, name
    assert set(found) == set(expected["forms"])
    suspended = world.rows(
        "select period_convention || '/' || period, agency_code, value from mart.quarterly_metric"
        " where metric_code = 'suspended_total' and org_view = 'as_was' and field_code = '*'"
    )
    assert {(p, a): int(v) for p, a, v in suspended} == {
        (name, unit): row["suspended_total"]
        for name, units in expected["forms"].items()
        for unit, row in units.items()
        if row["suspended_total"]
    }
