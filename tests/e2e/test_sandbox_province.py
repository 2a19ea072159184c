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


@pytest.fixture
def sandbox_folder(tmp_path: Path) -> Path:
    return tmp_path / "sandbox"


@pytest.mark.parametrize("every_kind", [False, True], ids=["one source", "a source of every kind"])
def test_every_form_of_every_period_and_unit(
    every_kind: bool,
    sandbox_folder: Path,
    warehouse: str,
    empty_database: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if not every_kind:
        request.getfixturevalue("models_alone")
    monkeypatch.setattr("onestop.sources.portal_export.SECONDS_BETWEEN_LOOKS", 0.01)
    dsn = empty_database if every_kind else None
    with start("small", sandbox_folder, port=0, every_kind=every_kind, sql_dsn=dsn, sftp_port=0) as sandbox:
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
    rejected: dict[str, dict[str, int]] = {source: {} for source in expected["sources"]}
    for source, rule, rows in world.rows(
        "select source_id, rule, count(*) from quarantine.rejected_row, unnest(rule_ids) rule group by 1, 2 order by 1, 2"
    ):
        rejected[source][rule] = rows
    assert rejected == {name: share["quarantined_by_rule"] for name, share in expected["sources"].items()}
    # A feedback system's pages overlap: what came twice is a duplicate.
    delivered = world.rows(
        "select source_id, sum(received - case when source_id = 'pakn' then duplicate else 0 end) from ops.load_batch"
        " where source_id <> 'reference' group by 1"
    )
    assert dict(delivered) == {name: share["records"] for name, share in expected["sources"].items()}
    one_stop = [expected["sources"][name]["records"] for name in ("igate", "treasury") if name in expected["sources"]]
    assert sum(one_stop) == expected["records_served"]
    assert len(expected["sources"]) == (4 if every_kind else 1)

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
