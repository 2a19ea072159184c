"""Reference files: every mistake is named with its line, and no cycle, overlap or unknown parent gets in."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onestop.errors import DataRefused
from onestop.sources.reference import FILES, Row, check_whole, read_reference

KINDS = {kind.entity: kind for kind in FILES}
AGENCY, SUCCESSION = KINDS["agency"], KINDS["agency_succession"]


def content(entity: str, *rows: dict[str, str]) -> bytes:
    columns = KINDS[entity].columns
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()


def unit(code: str, parent: str = "", start: str = "", end: str = "", level: str = "commune") -> dict[str, str]:
    return {
        "agency_code": code, "name_vi": code, "level": level, "parent_code": parent, "valid_from": start, "valid_to": end,
    }  # fmt: skip


def tree(*rows: dict[str, str]) -> list[str]:
    found = read_reference(AGENCY, content("agency", unit("H15", level="province"), *rows))
    return check_whole(AGENCY, found, "H15", set())


def succession(*pairs: tuple[str, str, str]) -> list[str]:
    rows: list[Row] = [
        {"predecessor_code": a, "successor_code": b, "effective_on": "2025-07-01", "is_default": d, "legal_basis": None}
        for a, b, d in pairs
    ]
    return check_whole(SUCCESSION, rows, "H15", {"A", "B", "C", "D"})


def refused(entity: str, data: bytes) -> str:
    with pytest.raises(DataRefused) as caught:
        read_reference(KINDS[entity], data)
    assert caught.value.next_step
    return caught.value.message


def test_rows_are_normalised() -> None:
    (row,) = read_reference(
        AGENCY,
        b"\xef\xbb\xbf" + content("agency", unit(" h15 .07", level="department") | {"name_vi": " So\u031b\u0309 "}),
    )
    assert (row["agency_code"], row["name_vi"], row["parent_code"]) == ("H15.07", "Sở", None)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([unit("H15.1", "H15.9")], "H15.1: the parent H15.9 is not listed"),
        ([unit("H15.1", "H15.1")], "H15.1 lies above itself"),
        ([unit("H15.1", "H15.2"), unit("H15.2", "H15.3"), unit("H15.3", "H15.1")], "H15.2 lies above itself"),
        ([unit("H15.1", "H15"), unit("H15.1", "H15")], "H15.1 is listed twice"),
        ([unit("H15.1", end="2024-06-30"), unit("H15.1", start="2024-06-30")], "H15.1 is listed twice"),
        ([unit("H15.1", start="2024-01-01"), unit("H15.1", end="2024-01-01")], "H15.1 is listed twice"),
    ],
)
def test_trees_that_are_none(rows: list[dict[str, str]], said: str) -> None:
    assert any(problem.startswith(said) for problem in tree(*rows)), tree(*rows)


def test_what_is_not_at_the_same_time_is_no_mistake() -> None:
    assert tree(
        unit("H15.1", "H15", end="2024-06-30"), unit("H15.1", "H15.2", start="2024-07-01"),
        unit("H15.2", "H15.1", end="2024-06-30"), unit("H15.2", "H15", start="2024-07-01"),
    ) == []  # fmt: skip


def test_the_province_must_be_there() -> None:
    rows = read_reference(AGENCY, content("agency", unit("H15.1")))
    assert check_whole(AGENCY, rows, "H15", set()) == ["the province itself, H15, is not listed"]


@given(st.dictionaries(st.integers(0, 7), st.integers(0, 7), min_size=1))
@settings(deadline=None)
def test_a_cycle_is_found_wherever_it_lies(parents: dict[int, int]) -> None:
    def above_itself(code: int) -> bool:
        step, seen = parents.get(code), set()
        while step is not None and step not in seen and step != code:
            seen.add(step)
            step = parents.get(step)
        return step == code

    rows = [unit(f"H15.{code}", f"H15.{parents[code]}" if code in parents else "H15") for code in range(8)]
    assert sorted(p for p in tree(*rows) if p.endswith("itself")) == [
        f"H15.{code} lies above itself" for code in range(8) if above_itself(code)
    ]


@given(st.lists(st.tuples(st.integers(1, 28), st.integers(1, 28)).map(sorted), min_size=1, max_size=5))
@settings(deadline=None)
def test_overlaps_are_found(spans: list[list[int]]) -> None:
    rows = [unit("H15.1", "H15", f"2024-02-{a:02d}", f"2024-02-{b:02d}") for a, b in spans]
    days = [set(range(a, b + 1)) for a, b in spans]
    overlap = any(days[i] & days[j] for i in range(len(days)) for j in range(i))
    assert bool(tree(*rows)) == overlap


@pytest.mark.parametrize(
    ("pairs", "right"),
    [
        ([("A", "B", "1")], True),
        ([("A", "B", "1"), ("A", "C", "0")], True),
        ([("A", "C", "1"), ("B", "C", "1")], True),
        ([("A", "B", "0")], False),
        ([("A", "B", "1"), ("A", "C", "1")], False),
        ([("A", "X", "1")], False),
        ([("X", "A", "1")], False),
    ],
)
def test_every_predecessor_has_one_default_successor(pairs: list[tuple[str, str, str]], right: bool) -> None:
    assert (succession(*pairs) == []) == right


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"valid_from": "2024-02-30"}, "line 2: valid_from '2024-02-30' is no date"),
        ({"valid_to": "31/12/2024"}, "line 2: valid_to '31/12/2024' is no date"),
        ({"valid_from": "２０２４-01-01"}, "is no date"),
        (
            {"valid_from": "2024-02-01", "valid_to": "2024-01-31"},
            "valid_to 2024-01-31 lies before valid_from 2024-02-01",
        ),
        ({"level": "village"}, "level 'village' is not one of province, department"),
        ({"agency_code": " \u00a0"}, "line 2: agency_code is empty"),
        ({"name_vi": "Xã\0A"}, "line 2: name_vi holds a NUL"),
    ],
)
def test_mistakes_of_a_row_name_their_line(change: dict[str, str], said: str) -> None:
    assert said in refused("agency", content("agency", unit("H15") | change))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "agency_code"),
        (b"agency_code,name_vi\n", "line 1: the column name_en, level"),
        (content("agency").replace(b"gso_code", b"level"), "gso_code is missing"),
        (content("agency").replace(b"\r\n", b",level\r\n"), "line 1: the column level is there twice"),
        (content("agency"), "there are no rows"),
        (content("agency") + b"H15,X\r\n", "line 2: 2 cells, the header has 8"),
        (content("agency") + b'H15,"X,,province,,,,\r\n', "line 2"),
        (content("agency") + "Xã".encode("utf-16"), "is not UTF-8"),
        (content("agency") + b"," + b"x" * 200_000 + b",,,,,,\r\n", "line"),
    ],
)  # fmt: skip
def test_files_that_are_none(data: bytes, said: str) -> None:
    assert said in refused("agency", data)


def test_many_mistakes_are_cut_short() -> None:
    message = refused("agency", content("agency", *(unit("H15", level="x") for _ in range(50))))
    assert message.count("line ") == 20 and "and 30 more" in message


@given(st.sampled_from(sorted(KINDS)), st.binary(max_size=300), st.booleans())
@settings(deadline=None)
def test_any_bytes_are_read_or_refused(entity: str, data: bytes, with_header: bool) -> None:
    kind = KINDS[entity]
    try:
        rows: list[dict[str, Any]] = read_reference(kind, (content(entity) if with_header else b"") + data)
    except DataRefused:
        return
    assert rows and all(set(row) == set(kind.columns) for row in rows)
    check_whole(kind, rows, "H15", set())


@pytest.mark.parametrize(
    ("entity", "row", "problem"),
    [
        ("target", {"metric_code": "on_time_rate", "year": "24", "target": "0.9"}, "year '24' is no year"),
        ("target", {"metric_code": "on_time_rate", "year": "0000", "target": "0.9"}, "year '0000' is no year"),
        ("survey_score", {"survey_code": "S", "year": "2024.5", "score": "1", "max_score": "2"}, "'2024.5' is no year"),
        ("document_statistic", {"month": "0000-01", "issued": "1", "digitally_signed": "1"}, "'0000-01' is no month"),
        (
            "staff_certificate",
            {"as_of": "2024-07-01", "required": "9", "issued": "10"},
            "issued 10 is more than required 9",
        ),
        (
            "document_statistic",
            {"month": "2024-07", "issued": "1", "digitally_signed": "1.5"},
            "1.5 is more than issued 1",
        ),
        (
            "survey_score",
            {"survey_code": "S", "year": "2024", "score": "9.1", "max_score": "9"},
            "more than max_score 9",
        ),
    ],
)
def test_a_part_is_no_more_than_its_whole_and_a_year_is_a_year(entity: str, row: dict[str, str], problem: str) -> None:
    whole = row if entity == "target" else {"agency_code": "H15", **row}
    assert problem in refused(entity, content(entity, whole))


def test_a_part_may_be_the_whole() -> None:
    row = {"agency_code": "H15", "as_of": "2024-07-01", "required": "10", "issued": "10.0"}
    assert len(read_reference(KINDS["staff_certificate"], content("staff_certificate", row))) == 1
