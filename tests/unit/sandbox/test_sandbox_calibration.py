"""Missing figures are chosen so that the form's identities hold; impossible ones are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestop.sandbox.calibration import COLUMNS, complete


def identities_hold(row: dict[str, int]) -> bool:
    return (
        row["received_total"] == row["received_online"] + row["received_direct_postal"] + row["received_carried_over"]
        and row["resolved_total"] == row["resolved_early"] + row["resolved_on_time"] + row["resolved_overdue"]
        and row["in_progress_total"] == row["in_progress_within"] + row["in_progress_overdue"]
        and row["received_total"] == row["resolved_total"] + row["in_progress_total"]
        and min(row.values()) >= 0
    )


@st.composite
def rows(draw: st.DrawFn) -> dict[str, int]:
    early, on_time, overdue, within, late = (draw(st.integers(0, 5000)) for _ in range(5))
    total = early + on_time + overdue + within + late
    online = draw(st.integers(0, total))
    carried = draw(st.integers(0, total - online))
    figures = (
        *(total, online, total - online - carried, carried),
        *(early + on_time + overdue, early, on_time, overdue, within + late, within, late),
    )
    return dict(zip(COLUMNS, figures, strict=True))


@given(rows(), st.sets(st.sampled_from(COLUMNS), min_size=1))
def test_any_part_of_a_true_row_is_completed_and_kept(row: dict[str, int], known: set[str]) -> None:
    target = {name: row[name] for name in known}
    completed = complete(target)
    assert identities_hold(completed)
    assert {name: completed[name] for name in known} == target


def test_published_rows_come_back_whole() -> None:
    row = complete({"resolved_early": 183_477, "resolved_on_time": 39_491, "resolved_overdue": 1_219})
    assert row["resolved_total"] == 224_187
    assert 11_000 < row["in_progress_total"] < 12_000


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ({"resolved_total": 10, "resolved_early": 11}, "resolved_total = "),
        ({"received_total": 659_245, "resolved_total": 643_272, "in_progress_total": 7_172}, "do not fit"),
        ({"received_total": -1}, "whole number"),
        ({"received_total": 1.5}, "whole number"),
        ({"received": 1}, "no such figure"),
        ({}, "at least one"),
    ],
)
def test_what_cannot_be_is_refused(target: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        complete(target)
