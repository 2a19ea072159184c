"""The points of Decision 766 as the national portal published them, out of the models' own formula and constants."""

from __future__ import annotations

import csv
import json
from contextlib import closing
from decimal import Decimal

import jinja2
import psycopg
import pytest

from onestop.resources import resource
from onestop.warehouse.embedded import EmbeddedPostgres
from worlds import needs_shared

pytestmark = pytest.mark.integration
PROJECT = resource("dbt_project")
GOLDEN = needs_shared("golden") / "published_figures.json"
CENT = Decimal("0.01")


@pytest.fixture(scope="module")
def published() -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = json.loads(GOLDEN.read_text(encoding="utf-8"))["phu_tho_766_2026_q3"]
    return found


def points(postgres: EmbeddedPostgres, part_code: str, numerator: object, denominator: object) -> Decimal:
    """The macro of int_metric__score_part with the seed's constants, as the database computes it."""
    with (PROJECT / "seeds" / "score_766_part_definition.csv").open(encoding="utf-8", newline="") as file:
        (part,) = (row for row in csv.DictReader(file) if row["part_code"] == part_code)
    macro = (PROJECT / "macros" / "score_766_points.sql").read_text(encoding="utf-8")
    call = "{{ score_766_points('%s::numeric', '%s::numeric', '%s::numeric', '%s::numeric') }}"
    query = jinja2.Environment(autoescape=False).from_string(
        macro + "select " + call % (numerator, denominator, part["maximum"], part["full_at"])
    )
    with closing(psycopg.connect(postgres.warehouse_dsn, autocommit=True)) as connection:
        found = connection.execute(query.render().encode()).fetchone()
    assert found is not None
    return Decimal(found[0])


def test_progress(postgres: EmbeddedPostgres, published: dict[str, dict[str, object]]) -> None:
    shown = published["progress"]
    found = points(postgres, "progress", shown["on_time"], shown["received"])
    assert found.quantize(CENT) == Decimal(str(shown["score"]))


def test_satisfaction(postgres: EmbeddedPostgres, published: dict[str, dict[str, object]]) -> None:
    rated = published["dossier_satisfaction"]
    assert points(postgres, "dossier_satisfaction", rated["ratio"], 1).quantize(CENT) == Decimal(str(rated["score"]))
    for part in ("feedback_on_time", "feedback_satisfaction"):
        shown = published[part]
        found = points(postgres, part, shown["numerator"], shown["denominator"])
        assert found.quantize(CENT) == Decimal(str(shown["score"]))


def test_payment(postgres: EmbeddedPostgres, published: dict[str, dict[str, object]]) -> None:
    shown = published["payment"]
    first, second = shown["B_and_C"]  # type: ignore[misc]
    total = points(postgres, "payment_dossiers", *shown["A"])  # type: ignore[misc]
    total += points(postgres, "payment_procedures", *first) + points(postgres, "payment_use", *second)
    assert total.quantize(CENT) == Decimal(str(shown["score"]))


@pytest.mark.parametrize(
    ("part", "numerator", "denominator", "wanted"),
    [
        # All points from the ratio on from which the Decision gives them, never more.
        ("dossier_satisfaction", 9, 10, "6"),
        ("dossier_satisfaction", 10, 10, "6"),
        ("payment_procedures", 8, 10, "2"),
        ("payment_use", 4, 10, "1"),
        ("data_reuse", 9, 10, "2"),
        ("data_reuse", 2, 5, "1"),
        ("electronic_result", 1, 3, "2"),
        ("digitised_intake", 1, 4, "1"),
        ("publication_on_time", 1, 2, "3"),
        ("publication_content", 1, 2, "1"),
        ("portal_sync", 0, 7, "0"),
    ],
)
def test_every_other_part(postgres: EmbeddedPostgres, part: str, numerator: int, denominator: int, wanted: str) -> None:
    assert points(postgres, part, numerator, denominator) == Decimal(wanted)
