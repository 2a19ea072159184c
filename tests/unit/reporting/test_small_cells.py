"""Small cells: what is left out cannot be worked out from what is shown, within an edition, across editions and periods.

Every claim is held against a linear programme that knows all that a reader knows: which numbers are shown, the form's
identities, which units lie under which, that levels and fields add up, and that no number is negative.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from onestop.periods import parse
from onestop.reporting.data_package import write_data_package
from onestop.reporting.draft import render
from onestop.reporting.editions.earlier import printed
from onestop.reporting.model import COLUMNS, Counts, Durations, FieldRow, LevelBlock, PeriodCounts, ReportFigures, total
from onestop.reporting.page import write_page
from onestop.reporting.public import MARK, Publication, public
from onestop.reporting.small_cells import Cell, Form
from small_province import AGENCIES, small_figures, small_tree

TREE = small_tree()
NO_SHRINKING = [Phase.explicit, Phase.generate]  # it would take minutes
PARENTS = {code: parent for code, _, _, parent in AGENCIES}
SUMS = (
    {"received_total": -1, "received_online": 1, "received_direct_postal": 1, "received_carried_over": 1},
    {"resolved_total": -1, "resolved_early": 1, "resolved_on_time": 1, "resolved_overdue": 1},
    {"in_progress_total": -1, "in_progress_within": 1, "in_progress_overdue": 1},
    {"received_total": -1, "resolved_total": 1, "in_progress_total": 1},
)


@st.composite
def made(draw: st.DrawFn) -> Counts:
    """Figures that balance; many of them small."""
    size = st.one_of(st.integers(0, 6), st.integers(0, 60))
    early, on_time, overdue, within, late = (draw(size) for _ in range(5))
    whole = early + on_time + overdue + within + late
    online = draw(st.integers(0, whole))
    carried = draw(st.integers(0, whole - online))
    resolved = early + on_time + overdue
    return Counts(
        whole, online, whole - online - carried, carried, resolved, early, on_time, overdue, within + late, within, late
    )


Own = dict[str, dict[str, Counts]]
provinces = st.dictionaries(
    st.sampled_from([code for code, *_ in AGENCIES if code != "H15"]),
    st.dictionaries(st.sampled_from(["HT", "DD", "CT"]), made(), min_size=1),
    min_size=2,
)


def figures_of(own: Own, least: int) -> ReportFigures:
    """The figures of what each unit handles itself, by field."""
    below: dict[str, Counts] = {}
    levels: dict[str, dict[str, Counts]] = {}
    for code, fields in own.items():
        here: str | None = code
        while here is not None:
            below[here] = below.get(here, Counts()) + total(fields.values())
            here = PARENTS[here]
        for name, counts in fields.items():
            level = levels.setdefault(TREE.level(code), {})
            level[name] = level.get(name, Counts()) + counts
    base = small_figures()
    return replace(
        base,
        province=below["H15"],
        units=tuple(replace(u, counts=below.get(u.code, Counts())) for u in base.units),
        levels=tuple(
            LevelBlock(level, tuple(FieldRow(name, name, n) for name, n in sorted(fields.items())))
            for level, fields in sorted(levels.items())
        ),
        measures={},
        durations=Durations({}),
        months=(),
        previous=None,
        least=least,
    )


class Reader:
    """All that a reader knows of one or more publications; asked how far a number could be from one to another."""

    def __init__(self) -> None:
        self.place: dict[tuple[str, str, str], int] = {}
        self.rows: list[dict[int, float]] = []
        self.sums: list[float] = []
        self.fixed: dict[int, int] = {}
        self._matrix: csr_matrix | None = None

    def at(self, edition: str, node: str, column: str) -> int:
        return self.place.setdefault((edition, node, column), len(self.place))

    def equal(self, terms: Iterable[tuple[int, int]], value: int = 0) -> None:
        row: dict[int, float] = {}
        for place, by in terms:
            row[place] = row.get(place, 0) + by
        self.rows.append(row)
        self.sums.append(value)

    def read(self, name: str, figures: ReportFigures) -> None:
        """One publication: its shown numbers, and how they hang together."""
        form = Form.of(figures)
        for node, numbers in form.numbers.items():
            for column, number in numbers.items():
                if column not in figures.hidden.get(node, ()):
                    self.fixed[self.at(name, node, column)] = number
            for claim in SUMS:
                self.equal((self.at(name, node, c), by) for c, by in claim.items())
        below: dict[str, list[str]] = {}
        for code in form.paths:
            if code != "H15":
                below.setdefault(PARENTS[code] or "", []).append(code)
        for column in COLUMNS:
            for code in form.paths:
                parts = [self.at(name, child, column) for child in below.get(code, ())]
                self.equal(
                    [
                        (self.at(name, code, column), -1),
                        (self.at(name, f"own {code}", column), 1),
                        *((p, 1) for p in parts),
                    ]
                )
            for level, fields in form.fields.items():
                own = [self.at(name, f"own {code}", column) for code, its in form.level.items() if its == level]
                self.equal([(self.at(name, level, column), -1), *((self.at(name, f, column), 1) for f in fields)])
                self.equal([(self.at(name, level, column), -1), *((place, 1) for place in own)])

    def matrix(self) -> csr_matrix:
        """All equations."""
        if self._matrix is None or self._matrix.shape != (len(self.rows), len(self.place)):
            r, c, by = zip(*((r, c, by) for r, row in enumerate(self.rows) for c, by in row.items()), strict=True)
            self._matrix = csr_matrix((by, (r, c)), shape=(len(self.rows), len(self.place)))
        return self._matrix

    def width(self, edition: str, cell: Cell) -> float:
        """The highest less the lowest that a number could be."""
        target = self.at(edition, *cell)
        cost = np.zeros(len(self.place))
        cost[target] = 1
        matrix = self.matrix()
        bounds = [(self.fixed.get(p, 0), self.fixed.get(p)) for p in range(len(self.place))]
        ends = [linprog(sign * cost, A_eq=matrix, b_eq=self.sums, bounds=bounds, method="highs") for sign in (1, -1)]
        assert all(end.status in (0, 3) for end in ends), ends
        return float("inf") if ends[1].status == 3 else -ends[1].fun - ends[0].fun


def hidden(figures: ReportFigures) -> Iterator[Cell]:
    return ((node, column) for node, columns in figures.hidden.items() for column in columns)


def some(cells: Iterable[Cell]) -> list[Cell]:
    """Seven of them, spread over all: a programme takes its time."""
    found = sorted(cells)
    return found[:: max(1, len(found) // 7)]


def small(figures: ReportFigures) -> set[Cell]:
    return {cell for cell in Form.of(figures).small(figures.least) if not cell[0].startswith("rest:")}


@settings(max_examples=12, deadline=None, phases=NO_SHRINKING)
@given(own=provinces, least=st.sampled_from([2, 3, 5]))
def test_nothing_left_out_follows_from_what_is_shown(own: Own, least: int) -> None:
    shown = public(figures_of(own, least))
    reader = Reader()
    reader.read("it", shown)
    assert small(shown) <= set(hidden(shown))
    for cell in some(hidden(shown)):
        assert reader.width("it", cell) > 0.99, cell


@settings(max_examples=8, deadline=None, phases=NO_SHRINKING)
@given(own=provinces, later=provinces)
def test_a_restatement_gives_away_nothing_of_the_edition_before(own: Own, later: Own) -> None:
    first = public(figures_of(own, 4))
    second = public(figures_of({**own, **dict(list(later.items())[:1])}, 4), (Publication(first.period, of(first)),))
    there = set(Form.of(second).numbers)
    assert {cell for cell in hidden(first) if cell[0] in there} <= set(hidden(second))
    reader = Reader()
    reader.read("first", first)
    reader.read("second", second)
    for cell in some(small(second)):
        assert reader.width("second", cell) > 0.99, cell
    # A reader who takes for granted that what did not change is the same, shown or not.
    before, after = Form.of(first).numbers, Form.of(second).numbers
    for node, column in hidden(first):
        if node in after and before[node][column] == after[node][column]:
            reader.equal([(reader.at("first", node, column), 1), (reader.at("second", node, column), -1)])
    for cell in some(small(first)):
        assert reader.width("first", cell) > 0.99, cell


def of(figures: ReportFigures) -> dict[str, dict[str, int | None]]:
    """What a publication shows, read from its package."""
    return printed(write_data_package(figures, "published"))


FLOWS = ("received_online", "received_direct_postal", "resolved_early", "resolved_on_time", "resolved_overdue")


@settings(max_examples=5, deadline=None, phases=NO_SHRINKING)
@given(first=provinces, second=provinces)
def test_a_half_year_gives_away_nothing_of_its_quarters(first: Own, second: Own) -> None:
    both = {code: {**first.get(code, {})} for code in {*first, *second}}
    for code, fields in second.items():
        for name, counts in fields.items():
            both[code][name] = both[code].get(name, Counts()) + counts
    q1 = public(replace(figures_of(first, 4), period=parse("2024-Q1")))
    earlier = (Publication(q1.period, of(q1)),)
    q2 = public(replace(figures_of(second, 4), period=parse("2024-Q2")), earlier)
    half = public(replace(figures_of(both, 4), period=parse("2024-H1")), (*earlier, Publication(q2.period, of(q2))))
    reader = Reader()
    parts = {"q1": q1, "q2": q2, "half": half}
    for name, figures in parts.items():
        reader.read(name, figures)
    forms = {name: Form.of(figures).numbers for name, figures in parts.items()}
    for node in forms["half"]:
        for column in FLOWS:
            terms = [(reader.at(name, node, column), 1) for name in ("q1", "q2") if node in forms[name]]
            reader.equal([*terms, (reader.at("half", node, column), -1)])
    for name, figures in parts.items():
        for cell in some(cell for cell in small(figures) if cell[1] in FLOWS):
            assert reader.width(name, cell) > 0.99, (name, cell)


def test_a_rest_that_would_be_small_is_kept_back() -> None:
    """A year of which three quarters are published gives away the fourth."""
    own = {
        "H15.01": {"HT": Counts(100, 40, 60, 0, 100, 50, 40, 10)},
        "H15.02": {"HT": Counts(90, 40, 50, 0, 90, 80, 10)},
    }
    quarters = tuple(Publication(parse(f"2024-Q{q}"), of(public(figures_of(own, 5)))) for q in (1, 2, 3))
    year = {
        "H15.01": {"HT": Counts(302, 120, 182, 0, 302, 150, 120, 32)},  # two more, in the last quarter
        "H15.02": {"HT": Counts(270, 120, 150, 0, 270, 240, 30)},
    }
    shown = public(replace(figures_of(year, 5), period=parse("2024")), quarters)
    assert "resolved_overdue" in shown.hidden["H15.01"] and "received_direct_postal" in shown.hidden["H15.01"]
    alone = public(replace(figures_of(year, 5), period=parse("2024")))
    assert not alone.hidden


def test_what_a_quarter_leaves_open_is_what_the_next_carries_over() -> None:
    own = {
        code: {"HT": Counts(120, 40, 60, 20, 100, 50, 40, 10, 20, 10, 10)} for code in ("H15.01", "H15.02", "H15.20")
    }
    second = replace(figures_of(own, 5), period=parse("2024-Q2"))
    assert not public(second).hidden
    first = {node: dict[str, int | None](numbers) for node, numbers in Form.of(second).numbers.items()}
    first["H15.01"]["in_progress_total"] = None
    shown = public(second, (Publication(parse("2024-Q1"), first),))
    assert "received_carried_over" in shown.hidden["H15.01"] and len(shown.hidden) > 1


def test_metrics_of_units_give_nothing_away(figures: ReportFigures) -> None:
    shown = public(replace(figures, least=5))
    assert figures.measures["H15.31.02"]["on_time_rate"].denominator == 1848  # four of them overdue
    assert shown.measures["H15.31.02"]["on_time_rate"].value is None
    assert shown.measures["H15.02"]["digitised_intake_rate"].value is None  # 3 of 4
    for parent, children in {"H15.31": ["H15.31.02", "H15.31.10"], "H15.32": ["H15.32.01"]}.items():
        out = [one for one in (parent, *children) if shown.measures[one]["on_time_rate"].value is None]
        assert len(out) != 1
    for unit, measures in shown.measures.items():
        for code, one in measures.items():
            if code in COLUMNS and one.numerator is not None:
                assert code not in shown.hidden.get(unit, ()) and not 0 < one.numerator < 5
            assert unit == "H15" or (one.previous, one.last_year) == (None, None)


def test_page_and_files_leave_the_same_out(figures: ReportFigures) -> None:
    limited = replace(figures, least=5)
    shown = public(limited)
    files = render(limited, "vi", "published", None, shown)
    full = render(replace(figures), "vi", "published")
    assert files["bieu-ii-06a.xlsx"] == full["bieu-ii-06a.xlsx"]  # what the superior authority gets
    package = printed(files["du-lieu.zip"])
    for node, numbers in Form.of(figures).numbers.items():
        for column, number in numbers.items():
            if node in package and column in package[node]:
                is_out = column in shown.hidden.get(node, ())
                assert package[node][column] == (None if is_out else number)
    page = files["bao-cao.html"].decode()
    assert f"chỗ đó ghi {MARK}" in page and "dưới" in page
    data = json.loads(re.search(r'id="figures">(.*?)</script>', page, re.DOTALL)[1])  # type: ignore[index]
    for unit in data["units"]:
        out = [column for column, number in zip(COLUMNS, unit["counts"], strict=True) if number is None]
        assert out == [column for column in COLUMNS if column in shown.hidden.get(unit["code"], ())]
        assert unit["fields"] == []
    with ZipFile(BytesIO(files["du-lieu.zip"])) as archive:
        lines = [line.split(",") for line in archive.read("data.sdmx.csv").decode().splitlines()]
        status = {line[-3]: line[-2] for line in lines[1:]}
        assert status[""] == "Q"
        description = json.loads(archive.read("datapackage.json"))
    assert description["smallest_shown"] == 5 and description["left_out"].keys() == shown.hidden.keys()


def test_a_small_number_of_the_province_takes_the_headline_with_it() -> None:
    own = {code: {"HT": Counts(50, 20, 30, 0, 50, 40, 9, 1)} for code in ("H15.01", "H15.02")}
    shown = public(figures_of(own, 5))
    assert "resolved_overdue" in shown.hidden["H15"]
    page = write_page(shown)
    assert 'class="cards"' in page and 'class="card ' not in page
    told = json.loads(render(shown, "vi", "published")["figures.json"])
    assert told["form_ii_06a"]["resolved_overdue"] is None and told["on_time_rate"]["value"] is None


@pytest.mark.parametrize("least", [0, 1])
def test_without_a_limit_all_is_shown(figures: ReportFigures, least: int) -> None:
    limited = replace(figures, least=least)
    assert public(limited) is limited


def test_days_are_joined_until_none_is_small(figures: ReportFigures) -> None:
    days = Durations({0: 900, 1: 2, 2: 700, 4: 30, 5: 1, 7: 3, 8: 4, 40: 2, 90: 1, 200: 6})
    shown = public(replace(figures, least=5, durations=days, measures={}))
    assert not shown.durations.by_days  # one day alone is a part of the chart, and small
    whole = replace(days, by_days={**days.by_days, 1: 20})
    bands = public(replace(figures, least=5, durations=whole, measures={})).durations.by_days
    assert bands == {0: 900, 1: 20, 2: 700, 3: 31, 6: 7, 31: 9}


def test_the_province_before_is_left_out_where_it_was_small(figures: ReportFigures) -> None:
    few = PeriodCounts(parse("2024-Q2"), Counts(100, 50, 50, 0, 100, 60, 38, 2))
    assert public(replace(figures, least=5, previous=few)).previous is None
    many = PeriodCounts(parse("2024-Q2"), Counts(100, 50, 50, 0, 100, 60, 30, 10))
    assert public(replace(figures, least=5, previous=many)).previous == many
    was = {"H15": {**dict.fromkeys(COLUMNS, 10), "resolved_overdue": None}}
    assert public(replace(figures, least=5, previous=many), (Publication(many.period, was),)).previous is None
    assert Decimal("0.9") == figures.measures["H15"]["on_time_rate"].previous
