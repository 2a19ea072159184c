"""The tree of units, and the form by level in its order."""

from __future__ import annotations

from datetime import date

from onestop.reporting.levels import AgencyVersion, Tree, level_blocks
from onestop.reporting.model import Counts, Level, ReportFigures, total

DAY = date(2024, 9, 14)


def version(
    code: str, level: str, parent: str | None, first: date | None = None, last: date | None = None
) -> AgencyVersion:
    return AgencyVersion(code, f"unit {code}", level, parent, first, last)


def test_levels_of_the_small_province(figures: ReportFigures) -> None:
    rows = {block.level: {row.code: row.counts.resolved_total for row in block.fields} for block in figures.levels}
    assert rows == {
        "province": {"HT": 1000, "?": 3, "CT": 100 + 1_200_003},
        "district": {"DD": 459 + 70, "HT": 11},
        "commune": {"HT": 1804 + 820 + 26, "CT": 44},
    }
    assert total(block.subtotal for block in figures.levels) == figures.province


def test_fields_stand_in_alphabetical_order_and_the_unknown_one_last(figures: ReportFigures) -> None:
    assert [row.code for row in figures.levels[0].fields] == ["CT", "HT", "?"]
    assert [row.name for row in figures.levels[1].fields] == ["Đất đai", "Hộ tịch"]


def test_a_districts_form_holds_its_own_figures_and_its_communes(figures: ReportFigures) -> None:
    form = figures.unit_forms["H15.31"]
    assert [block.level for block in form] == ["district", "commune"]
    assert form[0].subtotal.resolved_total == 470
    assert total(block.subtotal for block in form) == figures.unit("H15.31").counts


def test_siblings_stand_in_the_order_of_their_numbers() -> None:
    tree = Tree([version("H", "province", None), *(version(f"H.{n}", "department", "H") for n in (10, 9, 2))], "H", DAY)
    assert [code for code, _ in tree.walk()] == ["H", "H.2", "H.9", "H.10"]


def test_level_of_units_within_a_district_and_of_a_merged_province() -> None:
    tree = Tree(
        [
            version("H15", "province", None),
            version("H15.31", "district", "H15"),
            version("H15.31.P1", "department", "H15.31"),
            version("H45", "province", "H15"),
            version("H45.01", "department", "H45"),
            version("H45.31", "district", "H45"),
        ],
        "H15",
        DAY,
    )
    assert [tree.level(code) for code in ("H15.31.P1", "H45", "H45.01", "H45.31")] == [
        "district", "province", "province", "district",
    ]  # fmt: skip


def test_no_unit_is_lost() -> None:
    tree = Tree(
        [
            version("H15", "province", None),
            version("H15.01", "department", "H99"),
            version("H15.31", "district", "H15", None, date(2023, 1, 1)),
            version("H15.31.01", "commune", "H15.31", date(2023, 6, 1)),
        ],
        "H15",
        DAY,
        others=["H15.77"],
    )
    assert {code: tree.parent(code) for code, _ in tree.walk()} == {
        "H15": None, "H15.01": "H15", "H15.31": "H15", "H15.31.01": "H15", "H15.77": "H15",
    }  # fmt: skip


def test_a_unit_stands_where_it_stood_on_its_nearest_day() -> None:
    versions = [
        version("H15", "province", None),
        version("D1", "district", "H15", None, date(2025, 6, 30)),
        version("C1", "commune", "D1", None, date(2025, 6, 30)),
        version("C2", "commune", "D1", None, date(2023, 12, 31)),
        version("C2", "commune", "H15", date(2024, 1, 1)),
    ]
    tree = Tree(versions, "H15", date(2025, 9, 14))
    assert (tree.parent("C1"), tree.parent("C2")) == ("D1", "H15")
    assert Tree(versions, "H15", date(2023, 9, 14)).parent("C2") == "D1"


def test_districts_are_printed_until_they_were_abolished_and_while_they_have_figures() -> None:
    some = {"a": Counts(received_total=1)}

    def printed(rows: dict[Level, dict[str, Counts]], last: date, is_province: bool = True) -> list[str]:
        return [block.level for block in level_blocks(rows, {}, last, is_province=is_province)]

    assert printed({"province": some}, date(2025, 6, 14)) == ["province", "district", "commune"]
    assert printed({"province": some}, date(2025, 9, 14)) == ["province", "commune"]
    assert printed({"province": some, "district": some}, date(2025, 9, 14)) == ["province", "district", "commune"]
    assert printed({"commune": some}, date(2024, 9, 14), is_province=False) == ["commune"]
