"""The small province that is made by hand."""

from __future__ import annotations

import pytest

from onestop.reporting.levels import Tree
from onestop.reporting.model import ReportFigures
from small_province import small_figures, small_tree


@pytest.fixture
def tree() -> Tree:
    return small_tree()


@pytest.fixture
def figures() -> ReportFigures:
    return small_figures()
