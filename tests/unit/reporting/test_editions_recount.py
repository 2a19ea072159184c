"""Figures counted again from a list."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from onestop.reporting.editions.recount import Counted, recount


def dossiers(*rows: tuple[bool, bool, int | None]) -> list[dict[str, Any]]:
    keys = ("in_numerator", "in_denominator", "processing_working_days")
    return [dict(zip(keys, row, strict=True)) for row in rows]


def test_a_count_has_no_denominator() -> None:
    assert recount("resolved_total", "dossier", dossiers((True, False, None), (True, False, 3))) == Counted(
        Decimal(2), None
    )
    assert recount("resolved_total", "dossier", []) == Counted(Decimal(0), None)


def test_a_ratio_counts_both_sides() -> None:
    assert recount("on_time_rate", "dossier", dossiers((True, True, 1), (False, True, 9))) == Counted(
        Decimal(1), Decimal(2)
    )


@pytest.mark.parametrize(
    ("metric", "days", "wanted"),
    [
        ("processing_working_days_p50", [1, 2, 4], "2"),
        ("processing_working_days_p50", [1, 2, 4, 9], "3"),
        ("processing_working_days_p90", [0, 10], "9"),
        ("processing_working_days_p90", [7], "7"),
        ("processing_working_days_mean", [1, 2, 4], "7"),
    ],
)
def test_days(metric: str, days: list[int], wanted: str) -> None:
    found = recount(metric, "dossier", dossiers(*((False, True, n) for n in days)))
    assert found == Counted(Decimal(wanted), Decimal(len(days) if metric.endswith("mean") else 1))


def test_items_add_up_and_parts_left_out_do_not_count() -> None:
    items = [{"numerator": Decimal(3), "denominator": None}, {"numerator": Decimal(4), "denominator": None}]
    assert recount("one_stop_points", "one_stop_point", items) == Counted(Decimal(7), None)
    items[1]["denominator"] = Decimal(5)
    assert recount("digital_signature_rate", "document_month", items) == Counted(Decimal(7), Decimal(5))
    parts = [
        {"points": Decimal("1.5"), "maximum": Decimal(6), "reason": None},
        {"points": None, "maximum": Decimal(2), "reason": "no_source"},
    ]
    assert recount("score_766_payment", "part", parts) == Counted(Decimal("1.5"), Decimal(6))
