"""The demonstration's verdict: a figure is right only if it equals everything that stands beside it."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from onestop.platform.demo import FIGURES, PUBLISHED
from onestop.platform.demo_screen import Screen, figures_table

NAMES = {"resolved_total": "resolved", "received_total": "received"}
BUILT = {"resolved_total": 224187, "received_total": 230000}


@pytest.mark.parametrize(
    ("built", "published", "planted", "right"),
    [
        (BUILT, {"resolved_total": 224187}, BUILT, True),
        (BUILT, {"resolved_total": 224188}, BUILT, False),
        (BUILT, {"resolved_total": 224187}, {**BUILT, "received_total": 1}, False),
        ({}, {"resolved_total": 224187}, BUILT, False),
        (BUILT, {"resolved_total": 224187}, {}, False),  # nothing beside received_total: it proves nothing
    ],
)
def test_the_verdict(built: dict[str, int], published: dict[str, int], planted: dict[str, int], right: bool) -> None:
    table, verdict = figures_table("title", NAMES, built, published, planted)
    assert verdict is right
    shown = io.StringIO()
    Console(file=shown, width=100).print(table)
    assert ("✗" in shown.getvalue()) is not right


def test_the_published_figures_are_columns_of_the_form_and_add_up() -> None:
    assert set(PUBLISHED) <= set(FIGURES)
    parts = PUBLISHED["resolved_early"] + PUBLISHED["resolved_on_time"] + PUBLISHED["resolved_overdue"]
    assert parts == PUBLISHED["resolved_total"]


def test_without_a_terminal_every_step_is_one_line() -> None:
    shown = io.StringIO()
    screen = Screen(Console(file=shown, width=100))
    with screen.running():
        with screen.step("Airflow") as step:
            step.detail = "http://127.0.0.1:17432"
        with pytest.raises(RuntimeError), screen.step("ingest__igate"):
            raise RuntimeError
    first, second = shown.getvalue().splitlines()
    assert first.startswith("✓ Airflow")
    assert first.endswith("http://127.0.0.1:17432")
    assert second.startswith("✗ ingest__igate")


def test_on_a_terminal_the_steps_are_drawn() -> None:
    shown = io.StringIO()
    screen = Screen(Console(file=shown, width=100, force_terminal=True))
    with screen.running(), screen.step("ingest__igate") as step:
        step.detail = "0/1 tasks · 45,000 records"
    assert "45,000 records" in shown.getvalue()
