"""Mutation: with any single rule, or any single expectation of one, left out or turned round, an example would tell.

The examples of the expectation files are the tests; here the rules are broken one by one, in memory, and it is shown that
the examples notice. Then every rule is played at its edges, on both sides.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from onestop.pipeline.lint_rules import ENTITIES, judged
from onestop.quality.batch import BatchFacts, reason_to_stop
from onestop.quality.examples import Played, examples_of
from onestop.quality.lint import batch_stops
from onestop.quality.rules import DeliveryRule, Expectation, RowRule, RuleBook, reference_rules
from onestop.sources.reference import FILES

BOOKS: dict[str, RuleBook] = {name: make().book for name, make in ENTITIES.items()}
RULES = [(name, rule) for name, book in BOOKS.items() for rule in book.row_rules]
PARTS = [(name, rule, n) for name, rule in RULES for n in range(len(rule.expectations))]
OPPOSITE = {
    "expect_column_values_to_not_be_null": "expect_column_values_to_be_null",
    "expect_column_values_to_be_in_set": "expect_column_values_to_not_be_in_set",
    "expect_column_values_to_not_be_in_set": "expect_column_values_to_be_in_set",
    "expect_column_values_to_match_regex": "expect_column_values_to_not_match_regex",
}


def inverted(expectation: Expectation) -> Expectation:
    """The expectation that holds where this one does not."""
    kind, arguments = expectation.type, expectation.arguments
    if kind == "expect_column_values_to_be_between":
        arguments = {"column": arguments["column"], "min_value": arguments["max_value"] + 1}
    elif kind == "expect_column_pair_values_a_to_be_greater_than_b":
        assert arguments["or_equal"] is True
        arguments |= {"column_A": arguments["column_B"], "column_B": arguments["column_A"], "or_equal": False}
    else:
        kind = OPPOSITE[kind]
    return Expectation(type=kind, **arguments)


def parts_of(book: RuleBook, *, turned: bool = False) -> RuleBook:
    """The book with each expectation as a rule of its own, named by its place: AA-000, AA-001 and so on."""
    rules = [
        rule.model_copy(update={"expectations": (inverted(e) if turned else e,)})
        for rule in book.row_rules
        for e in rule.expectations
    ]
    return book.model_copy(
        update={"row_rules": tuple(r.model_copy(update={"id": f"AA-{n:03d}"}) for n, r in enumerate(rules))}
    )


@cache
def played(name: str) -> list[Played]:
    return examples_of(BOOKS[name])


@cache
def outcome(name: str, *, turned: bool = False) -> list[set[tuple[str, int]]]:
    """For each example the expectations that it breaks: (rule, place within the rule)."""
    book = BOOKS[name]
    names = [(rule.id, n) for rule in book.row_rules for n in range(len(rule.expectations))]
    found = judged(parts_of(book, turned=turned), played(name))
    return [{names[int(i[3:])] for i in broken} for broken in found]


def mine(name: str, rule: RowRule, keeps: bool) -> list[int]:
    return [n for n, p in enumerate(played(name)) if p.rule and p.rule.id == rule.id and p.keeps == keeps]


def said(value: Any) -> str:
    return getattr(value, "id", str(value))


@pytest.mark.parametrize(("name", "rule"), RULES, ids=said)
def test_examples_are_caught_by_their_rule_and_by_no_other(name: str, rule: RowRule) -> None:
    barring = {r.id for r in BOOKS[name].row_rules if r.action == "quarantine"} | {rule.id}
    assert outcome(name)[0] == set()
    assert [outcome(name)[n] for n in mine(name, rule, True)] == [set()]
    failing = mine(name, rule, False)
    assert failing
    for n in failing:
        assert {r for r, _ in outcome(name)[n]} & barring == {rule.id}


@pytest.mark.parametrize(("name", "rule", "place"), PARTS, ids=said)
def test_an_expectation_left_out_is_noticed(name: str, rule: RowRule, place: int) -> None:
    """An example breaks this expectation and none of its rule's others: without it, it would pass the rule."""
    alone = [n for n in mine(name, rule, False) if {p for r, p in outcome(name)[n] if r == rule.id} == {place}]
    assert alone, f"{rule.id}: no failing example is caught by {rule.expectations[place].type} alone"


@pytest.mark.parametrize(("name", "rule", "place"), PARTS, ids=said)
def test_an_expectation_turned_round_is_noticed(name: str, rule: RowRule, place: int) -> None:
    """Turned round, it fails an example that keeps the rule, or lets its own failing example pass."""
    turned = outcome(name, turned=True)
    keeping = [0, *mine(name, rule, True)]
    alone = [n for n in mine(name, rule, False) if {p for r, p in outcome(name)[n] if r == rule.id} == {place}]
    assert any((rule.id, place) in turned[n] for n in keeping) or all((rule.id, place) not in turned[n] for n in alone)


@pytest.mark.parametrize(("name", "rule"), RULES, ids=said)
def test_a_rule_turned_round_is_noticed_by_what_keeps_it(name: str, rule: RowRule) -> None:
    """Of the rule as a whole: a record that is good today would be rejected, or a bad one let in."""
    turned = outcome(name, turned=True)
    good = any(rule.id in {r for r, _ in turned[n]} for n in [0, *mine(name, rule, True)])
    bad = any(rule.id not in {r for r, _ in turned[n]} for n in mine(name, rule, False))
    assert good or bad


LISTS = [
    (name, rule, expectation)
    for name, rule in RULES
    for expectation in rule.expectations
    if expectation.type == "expect_column_values_to_be_in_set" and expectation.arguments["value_set"] != [True]
]


@pytest.mark.parametrize("name", ENTITIES)
def test_every_value_of_a_list_is_taken(name: str) -> None:
    """A value dropped from a list is noticed: each is played."""
    fields = {item.column: item.field for item in ENTITIES[name]().spec.fields}
    records, expected = [], []
    for owner, rule, expectation in LISTS:
        for value in expectation.arguments["value_set"] if owner == name else ():
            changes = {fields[expectation.arguments["column"]]: value}
            if changes.get("TrangThaiHoSo") in ("1", "2", "3", "4", "5", "6", "8"):
                changes["NgayKetThucXuLy"] = None
            records.append({**BOOKS[name].example.record, **changes})
            expected.append(rule.id)
    found = judged(BOOKS[name], [Played(None, True, record, True) for record in records])
    assert len(found) == len(expected)
    assert [rule for rule, broken in zip(expected, found, strict=True) if broken] == []


LONG = {"NgayHenTraBanDau": "20241231000000", "NgayHenTra": "20241231000000"}
OPEN = {"NgayKetThucXuLy": None, "TrangThaiHoSo": "4"}
EDGES: dict[str, list[tuple[dict[str, Any], list[str]]]] = {
    "one_stop/dossier": [
        ({"NgayTiepNhan": "20240925090000", **OPEN, **LONG}, []),  # now + 1 h sharp
        ({"NgayTiepNhan": "20240925090001", **OPEN, **LONG}, ["OS-007"]),
        ({"NgayKetThucXuLy": "20240925090000"}, []),
        ({"NgayKetThucXuLy": "20240925090001"}, ["OS-008"]),
        ({"NgayKetThucXuLy": "20240823000000", "NgayTiepNhan": "20240823235959"}, []),  # one day, whatever the hours
        ({"NgayKetThucXuLy": "20240822235959", "NgayTiepNhan": "20240823000000"}, ["OS-009"]),
        ({"NgayHenTraBanDau": "20240823000000", "NgayTiepNhan": "20240823235959"}, []),
        ({"NgayHenTraBanDau": "20240822235959", "NgayTiepNhan": "20240823000000"}, ["OS-018"]),
        ({"NgayTra": "20240229235959"}, []),
        ({"NgayTra": "20240229235960"}, ["OS-006"]),
        ({"NgayTra": "20240229240000"}, ["OS-006"]),
        ({"NgayTra": "20230229000000"}, ["OS-006"]),
        ({"MaHoSo": "H15.07-240823-123456"}, []),
        ({"MaHoSo": "H15.07-240823-1234567"}, ["OS-001"]),
        ({"MaHoSo": "H15.07-240823-123"}, ["OS-001"]),
        ({"MaHoSo": "H15.07.01.123-240823-1234"}, []),
        ({"MaHoSo": "H15.07.01.123.1-240823-1234"}, ["OS-001"]),
        ({"MaTTHC": "1.012790.000.00.00.H15.123"}, []),
        ({"MaTTHC": "1.012790.000.00.00.H15.1234"}, ["OS-002", "OS-016"][:1]),
        ({"NgayKetThucXuLy": None, "TrangThaiHoSo": "8"}, []),
        ({"NgayKetThucXuLy": None, "TrangThaiHoSo": "9"}, ["OS-010"]),
        ({"DanhSachLePhi": [{"Gia": "0"}]}, []),
        ({"DanhSachLePhi": [{"Gia": "-0.01"}]}, ["OS-019"]),
        ({"MucDoHaiLong": "1"}, []),
        ({"MucDoHaiLong": "6"}, ["OS-019"]),
    ],
    "portal/dossier": [
        ({"NgayTiepNhan": "20240925090000", **OPEN, "NgayHenTra": None}, []),
        ({"NgayTiepNhan": "20240925090001", **OPEN, "NgayHenTra": None}, ["PT-007"]),
        ({"NgayKetThucXuLy": "20240925090000"}, []),
        ({"NgayKetThucXuLy": "20240925090001"}, ["PT-008"]),
        ({"NgayKetThucXuLy": "20240823000000", "NgayTiepNhan": "20240823235959"}, []),
        ({"NgayKetThucXuLy": "20240822235959", "NgayTiepNhan": "20240823000000"}, ["PT-009"]),
        ({"NgayHenTra": "20240823000000", "NgayTiepNhan": "20240823235959"}, []),
        ({"NgayHenTra": "20240822235959", "NgayTiepNhan": "20240823000000"}, ["PT-018"]),
    ],
    "portal/payment": [
        ({"NgayThanhToan": "20240925090000"}, []),
        ({"NgayThanhToan": "20240925090001"}, ["PT-105"]),
        ({"SoTien": "0"}, []),
        ({"SoTien": "-1"}, ["PT-103"]),
    ],
    "portal/rating": [
        ({"NgayDanhGia": "20240925090000"}, []),
        ({"NgayDanhGia": "20240925090001"}, ["PT-205"]),
        ({"Diem": "0"}, ["PT-203"]),
        ({"Diem": "6"}, ["PT-203"]),
    ],
    "feedback/feedback_case": [
        ({"NgayTiepNhan": "2024-09-25T09:00:00+07:00", "NgayTraLoi": None}, []),
        ({"NgayTiepNhan": "2024-09-25T02:00:01Z", "NgayTraLoi": None}, ["PA-007"]),
        ({"NgayTraLoi": "2024-09-25T09:00:00"}, []),
        ({"NgayTraLoi": "2024-09-25T09:00:01"}, ["PA-008"]),
        ({"NgayTraLoi": "2024-08-22T17:00:00Z"}, []),  # midnight of the day of receipt, local time
        ({"NgayTraLoi": "2024-08-22T16:59:59Z"}, ["PA-009"]),
        ({"HanXuLy": "2024-02-29T23:59:59"}, []),
        ({"HanXuLy": "2023-02-29T23:59:59"}, ["PA-006"]),
        ({"LoaiNoiDung": 0}, ["PA-013"]),
        ({"LoaiNoiDung": 9}, ["PA-013"]),
    ],
}


@pytest.mark.parametrize("name", ENTITIES)
def test_both_sides_of_every_edge(name: str) -> None:
    edges = EDGES[name]
    records = [Played(None, True, {**BOOKS[name].example.record, **changes}, True) for changes, _ in edges]
    barring = {r.id for r in BOOKS[name].row_rules if r.action == "quarantine"}
    found = judged(BOOKS[name], records)
    assert [(changes, sorted(broken & barring)) for (changes, _), broken in zip(edges, found, strict=True)] == edges


def deliveries() -> list[DeliveryRule]:
    books = [*BOOKS.values(), *(book for kind in FILES if (book := reference_rules(kind.entity)))]
    return [rule for book in books for rule in book.delivery_rules]


@pytest.mark.parametrize("rule", deliveries(), ids=said)
def test_examples_of_delivery_rules_lie_at_the_edge(rule: DeliveryRule) -> None:
    """Each is kept and broken as it says, and a parameter a little laxer would let the failing one pass."""
    check = rule.check
    assert check.judge(rule.passing.now, rule.passing.before).state == "kept"
    assert check.judge(rule.failing.now, rule.failing.before).state == "broken"
    laxer = {
        "count": {"tolerance": 0.51},
        "share": {"points": 16},
        "freshness": {"quiet_days": 3},
        "silence": {"least_records": 4},
        "size": {"tolerance": getattr(check, "tolerance", 0) + 0.01},
    }[check.type]
    assert check.model_copy(update=laxer).judge(rule.failing.now, rule.failing.before).state == "kept"
    assert check.judge(rule.failing.now, rule.failing.before[: check.least_days - 1]).state == "not_judged"


def test_a_delivery_is_compared_in_both_directions() -> None:
    count = next(rule.check for rule in deliveries() if rule.id == "OS-901")
    assert [count.judge(n, [100, 100, 100]).state for n in (49, 50, 150, 151)] == ["broken", "kept", "kept", "broken"]
    assert [count.judge(n, [4, 4, 4]).state for n in (0, 34, 35)] == ["kept", "kept", "broken"]  # small numbers jump
    share = next(rule.check for rule in deliveries() if rule.id == "OS-902")
    assert share.judge({"10": 50, "8": 50}, [{"10": 100}] * 3).findings[0].subject in ("10", "8")
    assert share.judge({"10": 49}, [{"10": 100}] * 3).state == "not_judged"


@pytest.mark.parametrize("name", [name for name, book in BOOKS.items() if book.batch_rules])
def test_batch_rules(name: str) -> None:
    (rule,) = BOOKS[name].batch_rules
    assert (batch_stops(rule.passing), batch_stops(rule.failing)) == (False, True)
    assert not batch_stops(rule.failing.model_copy(update={"limit": 0.06}))
    few = replace(BatchFacts(judged=99, failed=99, received=99))
    assert reason_to_stop(few, limit=0.05, some_were_due=True, failed_by_rule={}) is None
