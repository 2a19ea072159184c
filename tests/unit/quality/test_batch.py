"""Rules about a delivery as a whole, at their edges."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onestop.quality.batch import MIN_RECORDS_FOR_LIMIT, BatchFacts, reason_to_stop


def stops(facts: BatchFacts, limit: float = 0.05, *, due: bool = True) -> str | None:
    return reason_to_stop(
        facts, limit=limit, some_were_due=due, failed_by_rule={"OS-004": 7, "OS-011": 9, "OS-001": 1, "OS-002": 0}
    )


def judged(judged: int, failed: int) -> BatchFacts:
    return BatchFacts(judged=judged, failed=failed, received=judged)


def test_nothing_came() -> None:
    assert stops(BatchFacts()) == "no records came where some were due"
    assert stops(BatchFacts(), due=False) is None
    assert stops(BatchFacts(received=1)) is None


@pytest.mark.parametrize(
    ("rows", "failed", "stop"), [(99, 99, False), (100, 5, False), (100, 6, True), (1000, 50, False), (1000, 51, True)]
)
def test_the_limit(rows: int, failed: int, stop: bool) -> None:
    assert (stops(judged(rows, failed)) is not None) == stop


@settings(deadline=None)
@given(st.integers(0, 100), st.integers(MIN_RECORDS_FOR_LIMIT, 10**6), st.data())
def test_exactly_the_limit_passes_and_one_more_does_not(percent: int, rows: int, data: st.DataObject) -> None:
    failed = data.draw(st.sampled_from(sorted({0, rows, rows * percent // 100, min(rows, rows * percent // 100 + 1)})))
    expected = failed > Fraction(percent, 100) * rows
    assert (stops(judged(rows, failed), percent / 100) is not None) == expected


def test_the_most_frequent_rules_are_named() -> None:
    said = stops(judged(100, 17))
    assert said == (
        "17 of 100 rows fail (17.0%), more than the limit of 5.0%; most often OS-011 9 rows, OS-004 7 rows, OS-001 1 rows"
    )


def test_a_required_field_that_no_live_record_has() -> None:
    facts = BatchFacts(received=3)
    facts.note_fields([{"A": None, "B": "1"}, {"A": ""}], ["A", "B", "C"])
    assert "the required field C is absent from every record (2 records)" in str(stops(facts))
    facts.note_fields([{"C": None}], ["A", "B", "C"])
    assert stops(facts) is None


def test_a_delivery_of_deletes_lacks_nothing() -> None:
    facts = BatchFacts(received=3)
    facts.note_fields([], ["A"])
    assert stops(facts) is None
