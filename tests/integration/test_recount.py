"""A random province, built by dbt and counted again by hand (tests/recount.py): every cell must be the same."""

from __future__ import annotations

from contextlib import closing
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from psycopg.rows import dict_row

from explained import draft_all, explain_some
from onestop.transform.dbt import build
from onestop.warehouse.connection import connect
from recount import Cell, Province, Row, Span, periods, recount
from recount_world import KNOWN_AT, ROOT, TARGETS, fill, province

pytestmark = pytest.mark.integration

FAMILIES = ("feedback", "procedure", "reference")


@pytest.fixture(scope="module")
def built(
    module_warehouse: str, module_models_alone: None, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Province, str]:
    """The world, and the DSN of the warehouse that dbt built from it."""
    world = province(seed=20241120)
    with closing(connect(module_warehouse)) as connection, connection.transaction():
        fill(connection, world)
    build(
        module_warehouse, province_code=ROOT, timezone="Asia/Ho_Chi_Minh", known_at=KNOWN_AT,
        target_path=tmp_path_factory.mktemp("dbt"),
    )  # fmt: skip
    return world, module_warehouse


def rows(dsn: str, query: str, *values: object) -> list[Row]:
    with closing(connect(dsn)) as connection:
        return connection.cursor(row_factory=dict_row).execute(query.encode(), values).fetchall()


def exact(value: Decimal | None) -> Fraction | None:
    return None if value is None else Fraction(value)


def test_every_cell_is_the_one_counted_by_hand(built: tuple[Province, str]) -> None:
    world, dsn = built
    found: dict[Cell, tuple[Fraction | None, Fraction | None]] = {}
    for row in rows(
        dsn,
        "select figure.* from mart.quarterly_metric as figure join mart.dim_metric using (metric_code)"
        " where family = any(%s)",
        list(FAMILIES),
    ):
        assert row["field_code"] == "*"
        key = (row["period_convention"], row["period"], row["org_view"], row["agency_code"], row["metric_code"])
        assert key not in found
        found[key] = (exact(row["numerator"]), exact(row["denominator"]))
        expected = row["numerator"] if row["denominator"] is None else row["numerator"] / row["denominator"]
        assert abs(row["value"] - expected) < Decimal("1e-15")
    counted = recount(world)
    both = {key: (counted.get(key), found.get(key)) for key in counted.keys() | found}
    wrong = {key: pair for key, pair in both.items() if pair[0] != pair[1]}
    assert wrong == {}
    # It looked: every metric, both views, both conventions, units that are gone and units that came.
    assert len(counted) > 5000
    assert len({key[4] for key in counted}) == 20
    assert {key[2] for key in counted if key[3:] == ("H15.21.01", "survey_score_rate")} == {"as_was"}
    assert {key[3] for key in counted if key[2] == "as_is"} >= {"H15.101", "H15.102", "H15.04", "H15.22.03"}


def test_the_periods_are_those_counted_by_hand(built: tuple[Province, str]) -> None:
    world, dsn = built
    found = {
        (row["period_convention"], row["period"], row["period_from"], row["period_to"])
        for row in rows(dsn, "select * from mart.dim_period")
    }
    assert found == {(span.convention, span.name, span.first, span.last) for span in periods(world)}


def previous(spans: list[Span], span: Span) -> Span | None:
    """The period of the same kind before it."""
    earlier = [s for s in spans if kind(s) == kind(span) and s.last < span.first]
    return max(earlier, key=lambda s: s.last, default=None)


def year_before(spans: list[Span], span: Span) -> Span | None:
    name = f"{int(span.name[:4]) - 1}{span.name[4:]}"
    return next((s for s in spans if (s.convention, s.name) == (span.convention, name)), None)


def kind(span: Span) -> tuple[str, str]:
    return span.convention, span.name[4:6] if span.name[5:6] in "MQH" else span.name[4:]


def test_figures_stand_beside_other_periods_targets_and_ranks(built: tuple[Province, str]) -> None:
    world, dsn = built
    spans = list(periods(world))
    metrics = {row["metric_code"]: row for row in rows(dsn, "select * from mart.dim_metric")}
    figures = {
        (row["period_convention"], row["period"], row["org_view"], row["agency_code"], row["metric_code"]): row
        for row in rows(dsn, "select * from mart.quarterly_metric where field_code = '*'")
    }
    levels = {key[:4]: row["agency_level"] for key, row in figures.items()}
    found = {
        (row["period_convention"], row["period"], row["org_view"], row["agency_code"], row["metric_code"]): row
        for row in rows(dsn, "select * from mart.metric_comparison")
    }
    expected: dict[Cell, tuple[Any, ...]] = {}
    for span in spans:
        then, last_year = previous(spans, span), year_before(spans, span)
        for key in {
            (span.convention, span.name, *key[2:])
            for key in figures
            for other in (span, then, last_year)
            if other and key[:2] == (other.convention, other.name) and (*key_of(span), *key[2:4]) in levels
        }:
            metric = metrics[key[4]]
            is_count = metric["denominator"] is None

            def value(of: Span | None, key: Cell = key, is_count: bool = is_count) -> Decimal | None:
                row = of and figures.get((*key_of(of), *key[2:]))
                return row["value"] if row else Decimal(0) if of and is_count else None

            if is_count or value(span) is not None:
                expected[key] = (value(span), value(then), value(last_year), *goal(metric, levels[key[:4]], span))
    shown = ("value", "previous_value", "last_year_value", "target", "target_legal_basis")
    assert {key: tuple(row[name] for name in shown) for key, row in found.items()} == expected
    assert len(expected) > 8000
    judged = {True: 0, False: 0}
    for key, row in found.items():
        metric = metrics[key[4]]
        points = metric["denominator"] is not None and metric["unit"] != "working day"
        assert row["change_unit"] == ("percentage point" if points else metric["unit"])
        for which in ("previous", "last_year"):
            change = None if row[f"{which}_value"] is None else row["value"] - row[f"{which}_value"]
            assert row[f"change_from_{which}"] == (None if change is None else change * (100 if points else 1))
            up = {"higher_is_better": 1, "lower_is_better": -1, "neutral": 0}[metric["direction"]]
            assert row[f"is_better_than_{which}"] == (change * up > 0 if change and up else None)
        if row["target"] is not None:
            met = (
                row["value"] >= row["target"]
                if metric["direction"] == "higher_is_better"
                else row["value"] <= row["target"]
            )
            assert row["is_target_met"] == met
            judged[met] += 1
    assert min(judged.values()) > 10


def key_of(span: Span) -> tuple[str, str]:
    return span.convention, span.name


def goal(metric: Row, level: str | None, span: Span) -> tuple[Any, Any]:
    """Target and legal basis: that of the level, else the one for all."""
    for wanted in (level, None):
        for row in TARGETS:
            if (row["metric_code"], row["level"], row["year"]) == (metric["metric_code"], wanted, str(span.last.year)):
                return Decimal(str(row["target"])), row["legal_basis"]
    return None, None


def test_units_of_a_level_are_ranked_and_small_ones_listed(built: tuple[Province, str]) -> None:
    _, dsn = built
    ranked = rows(dsn, "select * from mart.metric_rank")
    directions = {row["metric_code"]: row["direction"] for row in rows(dsn, "select * from mart.dim_metric")}
    dossiers = {
        (row["period_convention"], row["period"], row["org_view"], row["agency_code"]): row["numerator"]
        for row in rows(
            dsn, "select * from mart.quarterly_metric where metric_code = 'received_total' and field_code = '*'"
        )
    }
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in ranked:
        assert row["agency_code"] != ROOT
        unit = (row["period_convention"], row["period"], row["org_view"], row["agency_code"])
        assert row["dossiers"] == dossiers.get(unit, 0)
        groups.setdefault((*unit[:3], row["agency_level"], row["metric_code"]), []).append(row)
    ties = 0
    for group in groups.values():
        able = [row for row in group if row["dossiers"] >= 10]
        assert all(row["rank"] is None for row in group if row not in able)
        for row in able:
            better = (
                (lambda other, row=row: other["value"] < row["value"])
                if directions[row["metric_code"]] == "lower_is_better"
                else (lambda other, row=row: other["value"] > row["value"])
            )
            assert row["rank"] == 1 + sum(map(better, able))
            assert row["ranked_units"] == len(able)
        ties += len(able) - len({row["rank"] for row in able})
    assert ties > 20
    assert sum(row["rank"] is None for row in ranked) > 50
    shown = rows(dsn, "select * from mart.metric_comparison where rank is not null")
    assert len(shown) == sum(row["rank"] is not None for row in ranked) > 500


def test_the_year_to_date_is_the_period_that_began_with_the_year(built: tuple[Province, str]) -> None:
    _, dsn = built
    found = {
        (row["period_convention"], row["period"]): (row["year_to_date_period"], row["period_from"], row["period_to"])
        for row in rows(
            dsn,
            "select distinct period_convention, period, year_to_date_period, period_from, period_to"
            " from mart.metric_year_to_date",
        )
    }
    assert {key[1]: value[0] for key, value in found.items() if key[0] == "statutory" and key[1] >= "2024"} == {
        "2024-M01": "2024-M01", "2024-Q1": "2024-Q1", "2024-M03": "2024-Q1", "2024-H1": "2024-H1",
        "2024-Q2": "2024-H1", "2024-M06": "2024-H1", "2024-9M": "2024-9M", "2024-Q3": "2024-9M",
        "2024-M09": "2024-9M", "2024": "2024", "2024-Q4": "2024", "2024-H2": "2024", "2024-M12": "2024",
    }  # fmt: skip
    assert found["statutory", "2024-Q3"] == ("2024-9M", date(2023, 12, 15), date(2024, 9, 14))
    assert found["calendar", "2024-Q3"] == ("2024-9M", date(2024, 1, 1), date(2024, 9, 30))
    differing = rows(
        dsn,
        "select 1 from mart.metric_year_to_date as so_far full join mart.quarterly_metric as figure"
        " using (period_convention, org_view, agency_code, field_code, metric_code)"
        " where so_far.period = '2024-Q3' and figure.period = '2024-9M' and so_far.value is distinct from figure.value",
    )
    assert differing == []


def test_every_figure_is_explained_by_the_items_that_it_counts(built: tuple[Province, str]) -> None:
    _, dsn = built
    agreed = explain_some(dsn, FAMILIES, per_metric=12)
    assert len(agreed) == 20
    assert min(agreed.values()) == 12
    draft_all(dsn, KNOWN_AT, least=5000)
