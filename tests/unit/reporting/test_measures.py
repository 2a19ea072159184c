"""What is said of a figure: its traffic light, its mark for few cases, and the texts that the page shows."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import pytest

from onestop.reporting.measures import Light, Measure, MetricLabel
from onestop.reporting.model import ReportFigures
from onestop.reporting.page_measures import of_province, script_data
from onestop.reporting.strings import Words

UP = MetricLabel("Tỷ lệ", "Rate", "ratio", "higher_is_better", "", 1)
DOWN = replace(UP, direction="lower_is_better")
DAYS = MetricLabel("Ngày", "Days", "working day", "lower_is_better", "", 1)


@pytest.mark.parametrize(
    ("label", "value", "target", "expected"),
    [
        (UP, "0.95", "0.95", "met"),
        (UP, "0.949999", "0.95", "near"),
        (UP, "0.90", "0.95", "near"),  # exactly five points short
        (UP, "0.899999", "0.95", "missed"),
        (DOWN, "0.05", "0.05", "met"),
        (DOWN, "0.10", "0.05", "near"),
        (DOWN, "0.11", "0.05", "missed"),
        (DAYS, "10.5", "10", "near"),  # five percent of the target
        (DAYS, "10.51", "10", "missed"),
        (UP, "0.5", None, None),
        (replace(UP, direction="neutral"), "1", "0.5", None),
    ],
)
def test_the_light(label: MetricLabel, value: str, target: str | None, expected: Light | None) -> None:
    measure = Measure(None, None, Decimal(value), target=Decimal(target) if target else None)
    assert measure.light(label) == expected


def test_small_denominators_are_marked() -> None:
    assert Measure(Decimal(29), Decimal(29), Decimal(1)).is_small
    assert not Measure(Decimal(30), Decimal(30), Decimal(1)).is_small
    assert not Measure(Decimal(3), None, Decimal(3)).is_small  # a count is no ratio


def test_the_province_s_metrics(figures: ReportFigures) -> None:
    shown = of_province(figures, Words("vi"))
    assert [one.code for one in shown[:2]] == ["on_time_rate", "feedback_on_time_rate"]  # those with a target first
    rate, feedback = shown[:2]
    c = figures.province
    assert rate.numerator.replace(".", "") == str(c.resolved_in_time)
    assert (rate.light, rate.basis, rate.previous) == ("met", "Nghị quyết 131/NQ-CP", "90,00\u00a0%")
    assert (feedback.light, feedback.is_small, feedback.value) == ("near", True, "75,00\u00a0%")
    assert "received_total" not in {one.code for one in shown}  # the form has it
    days = next(one for one in shown if one.code == "processing_working_days_mean")
    assert (days.value, days.denominator) == ("2,50", "")


def test_script_data_cannot_end_its_element(figures: ReportFigures) -> None:
    text = str(script_data(figures, Words("vi")))
    assert "<" not in text
    data = json.loads(text)
    named = {unit["code"]: unit for unit in data["units"]}
    assert named["H15.02"]["name"] == figures.unit("H15.02").name  # a hostile name comes back as it is
    assert named["H15.31.02"]["counts"] == list(figures.unit("H15.31.02").counts.values())
    for unit in data["units"]:
        assert [sum(column) for column in zip(*(row[1:12] for row in unit["fields"]), strict=True)] == unit["counts"]
