"""What a report's figures must obey before anybody can print them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from onestop.errors import OnestopError
from onestop.reporting.model import COLUMNS, Counts, Durations, ReportFigures


def test_columns_stand_in_the_forms_order() -> None:
    assert COLUMNS[0] == "received_total"
    assert COLUMNS[4] == "resolved_total"
    assert COLUMNS[10] == "in_progress_overdue"
    assert len(COLUMNS) == 11


@pytest.mark.parametrize("column", COLUMNS)
def test_one_wrong_number_is_found(column: str) -> None:
    good = Counts(15, 5, 7, 3, 10, 6, 3, 1, 5, 4, 1)
    assert good.broken_identities() == []
    assert replace(good, **{column: getattr(good, column) + 1}).broken_identities()


def test_figures_that_do_not_add_up_are_refused(figures: ReportFigures) -> None:
    with pytest.raises(OnestopError, match="its fields by level sum to") as caught:
        replace(figures, levels=figures.levels[:2]).check()
    assert "onestop transform" in str(caught.value)
    with pytest.raises(OnestopError, match=r"mart\.fct_dossier"):
        replace(figures, durations=Durations({1: 5})).check()
    with pytest.raises(OnestopError, match=r"H15\.31: .* sum to"):
        replace(figures, unit_forms={"H15.31": figures.unit_forms["H15.31"][:1]}).check()


def test_a_unit_without_figures_is_named(figures: ReportFigures) -> None:
    with pytest.raises(OnestopError, match=r"H15\.99"):
        figures.unit("H15.99")


def test_percentiles_are_continuous() -> None:
    durations = Durations({1: 1, 2: 1, 4: 1, 9: 1})
    assert durations.mean == 4
    assert durations.percentile(0.5) == 3
    assert durations.percentile(0) == 1
    assert durations.percentile(1) == 9
    assert durations.percentile(0.9) == pytest.approx(7.5)
    assert (durations.between(2, 4), durations.between(3, None)) == (2, 2)
