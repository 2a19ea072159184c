"""A random province of dossiers, built by dbt and counted again by hand (dossier_recount.py): every cell the same."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta, timezone
from fractions import Fraction

import pytest
from psycopg.rows import dict_row

from dossier_figures import Figure, Key, recount_dossiers
from dossier_recount import World
from dossier_world import ROOT, world
from explained import draft_all, explain_some
from fill_dossiers import fill
from onestop.transform.dbt import build
from onestop.warehouse.connection import connect
from recount import Row

pytestmark = pytest.mark.integration
VIETNAM = timezone(timedelta(hours=7))


@pytest.fixture(scope="module")
def built(
    module_warehouse: str, module_models_alone: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[World, str]:
    """The world, and the DSN of the warehouse that dbt built from it."""
    counted = world(seed=766)
    with closing(connect(module_warehouse)) as connection, connection.transaction():
        fill(connection, counted)
    build(
        module_warehouse, province_code=ROOT, timezone="Asia/Ho_Chi_Minh",
        known_at=counted.known_at.replace(tzinfo=VIETNAM), target_path=tmp_path_factory.mktemp("dbt"),
    )  # fmt: skip
    return counted, module_warehouse


def rows(dsn: str, query: str, *values: object) -> list[Row]:
    with closing(connect(dsn)) as connection:
        return connection.cursor(row_factory=dict_row).execute(query.encode(), values).fetchall()


def test_every_cell_is_the_one_counted_by_hand(built: tuple[World, str]) -> None:
    counted_world, dsn = built
    found: dict[Key, Figure] = {}
    for row in rows(
        dsn,
        "select figure.* from mart.quarterly_metric as figure join mart.dim_metric using (metric_code)"
        " where family in ('form', 'dossier', 'portal', 'score')",
    ):
        keys = ("period_convention", "period", "org_view", "agency_code", "field_code", "metric_code")
        key: Key = tuple(row[name] for name in keys)  # type: ignore[assignment]
        assert key not in found
        bottom = row["denominator"]
        found[key] = (Fraction(row["numerator"]), None if bottom is None else Fraction(bottom))
        wanted = row["numerator"] if bottom is None else row["numerator"] / bottom
        assert abs(row["value"] - wanted) < 1e-12
    counted = recount_dossiers(counted_world)
    wrong = {}
    for key in counted.keys() | found:
        here, there = counted.get(key), found.get(key)
        close = here and there and here[1] == there[1] and abs(here[0] - there[0]) < Fraction(1, 10**12)
        if not close:
            wrong[key] = (here, there)
    assert dict(list(wrong.items())[:20]) == {}, len(wrong)
    assert len(counted) > 50_000
    assert len({key[5] for key in counted}) == 12 + 20 + 2 + 5


def test_dossiers_cost_together_what_their_part_lost(built: tuple[World, str]) -> None:
    _, dsn = built
    lost = rows(
        dsn,
        "select period, part_code, count(*) as dossiers, sum(points_lost_by_province) as points"
        " from mart.score_766_loss group by period, part_code",
    )
    parts = rows(
        dsn,
        "select period, part_code, denominator - numerator as dossiers, maximum - points as points"
        " from mart.score_766_part where (org_view, agency_code, field_code) = ('as_was', %s, '*')"
        " and denominator > numerator and part_code = any(%s)",
        ROOT,
        [
            *("progress", "dossier_satisfaction", "payment_dossiers", "electronic_result", "digitised_intake"),
            *("data_reuse", "portal_sync"),
        ],
    )
    assert len(parts) > 100
    assert {(row["period"], row["part_code"]): row["dossiers"] for row in lost} == {
        (row["period"], row["part_code"]): row["dossiers"] for row in parts
    }
    by_dossiers = {(row["period"], row["part_code"]): row["points"] for row in lost}
    for row in parts:
        assert abs(by_dossiers[row["period"], row["part_code"]] - row["points"]) < 1e-9, row


def test_every_kind_of_figure_is_explained_by_its_list(built: tuple[World, str]) -> None:
    _, dsn = built
    agreed = explain_some(dsn, ("form", "dossier", "portal", "score"), per_metric=12)
    assert len(agreed) == 12 + 20 + 2 + 5
    assert min(agreed.values()) == 12


def test_every_figure_of_every_period_is_the_sum_of_its_dossiers(built: tuple[World, str]) -> None:
    counted_world, dsn = built
    draft_all(dsn, counted_world.known_at.replace(tzinfo=VIETNAM), least=50_000)
