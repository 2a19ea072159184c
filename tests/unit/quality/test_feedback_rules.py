"""Every rule of expectations/feedback/feedback_case.yml, played on its examples and on the edges."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from onestop.clock import to_stamp
from onestop.config import Province
from onestop.quality.facts_feedback import feedback_table
from onestop.quality.judge import Judge
from onestop.quality.reference import ReferenceIndex
from onestop.quality.rules import rules_for
from onestop.sources.feedback_record import normalise
from onestop.sources.records import shape
from onestop.specs import load_spec

BOOK = rules_for("feedback", "feedback_case")
SPEC = load_spec("feedback_case")
REFERENCE = ReferenceIndex.build([("H15.07", None, None), ("H15.OLD", "2000-01-01", "2016-06-30")], [])
ZONE = Province(code="H15", name_vi="x").zone


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(BOOK)


def broken(judge: Judge, *records: dict[str, Any]) -> list[list[str]]:
    """The ids of the rules that each record breaks."""
    shaped = shape([normalise(r, ZONE) for r in records], SPEC, first_row=1, hash_key=b"k" * 32)
    latest = to_stamp(datetime.fromisoformat(BOOK.example.as_of) + timedelta(hours=1), ZONE)
    table = feedback_table(shaped.columns, shaped.dates, shaped.unreadable_dates, REFERENCE, latest)
    assert not {"HoTen", "ho_ten", "noi_dung", "so_dien_thoai", "email"} & set(table.columns)
    verdict = judge(table, np.zeros(len(records), dtype=bool))
    return [[r.id for r in BOOK.row_rules if verdict.broken[r.id][place]] for place in range(len(records))]


def example(**changes: Any) -> dict[str, Any]:
    return {**BOOK.example.record, **changes}


def without(name: str) -> dict[str, Any]:
    return {k: v for k, v in example().items() if k != name}


def test_the_contract_s_rules_are_all_there() -> None:
    numbers = (1, 3, 5, 6, 7, 8, 9, 11, 13)
    assert [(r.id, r.action) for r in BOOK.row_rules] == [(f"PA-{n:03d}", "quarantine") for n in numbers]
    assert BOOK.batch_rules == ()
    assert [(r.id, r.action) for r in BOOK.delivery_rules] == [(f"PA-90{n}", "warn") for n in range(1, 6)]


@pytest.fixture(scope="module")
def examples_judged(judge: Judge) -> dict[str, tuple[list[str], list[str]]]:
    records = [example(**changes) for rule in BOOK.row_rules for changes in (rule.passing, rule.failing)]
    found = broken(judge, example(), *records)
    assert found[0] == []
    return {rule.id: (found[2 * n + 1], found[2 * n + 2]) for n, rule in enumerate(BOOK.row_rules)}


@pytest.mark.parametrize("rule", BOOK.row_rules, ids=lambda r: r.id)
def test_examples_of_the_file(examples_judged: dict[str, tuple[list[str], list[str]]], rule: Any) -> None:
    assert examples_judged[rule.id] == ([], [rule.id])


DATES = [item.field for item in SPEC.fields if item.kind == "date"]
EDGES = [
    ("PA-001 absent", without("MaPAKN"), ["PA-001"]),
    ("PA-001 null", example(MaPAKN=None), ["PA-001"]),
    ("PA-003 absent", without("TrangThai"), ["PA-003"]),
    ("PA-003 another case", example(TrangThai="MOI"), ["PA-003"]),
    *((f"PA-003 {s}", example(TrangThai=s), []) for s in ("moi", "da_phan_loai", "chuyen_xu_ly", " dang_xu_ly ")),
    ("PA-005 blank", example(NgayTiepNhan=" "), ["PA-005"]),
    ("PA-005 unreadable is present", example(NgayTiepNhan="hôm qua"), ["PA-006"]),
    *((f"PA-006 {name}", example(**{name: "23/08/2024"}), ["PA-006"]) for name in DATES),
    ("PA-006 no update", without("NgayCapNhat"), ["PA-006"]),
    ("PA-006 offset that is none", example(NgayChuyen="2024-08-26T09:00:00+25:00"), ["PA-006"]),
    ("PA-006 a number", example(NgayChuyen=1724381700), ["PA-006"]),
    ("PA-007 an hour ahead in another zone", example(NgayTiepNhan="2024-09-25T11:00:01+09:00", NgayTraLoi=None), ["PA-007"]),
    ("PA-008 unreadable fires PA-006 only", example(NgayTraLoi="2034-13-01T00:00:00"), ["PA-006"]),
    ("PA-009 the same day, an earlier hour", example(NgayTraLoi="2024-08-23T07:00:00"), []),
    ("PA-009 no answer yet", example(NgayTraLoi=None, TrangThai="dang_xu_ly"), []),
    ("PA-011 absent", without("DonViXuLy"), []),
    ("PA-011 blank", example(DonViXuLy=""), []),
    ("PA-011 no longer valid, but known", example(DonViXuLy=" h15.old"), []),
    ("PA-013 absent", without("LoaiNoiDung"), []),
    ("PA-013 null", example(LoaiNoiDung=None), []),
    ("PA-013 0", example(LoaiNoiDung=0), ["PA-013"]),
    ("PA-013 true is no 1", example(LoaiNoiDung=True), ["PA-013"]),
    ("PA-013 1.0", example(LoaiNoiDung=1.0), ["PA-013"]),
    ("PA-013 words", example(LoaiNoiDung="hành vi"), ["PA-013"]),
    ("two at once", example(TrangThai=None, LoaiNoiDung=11), ["PA-003", "PA-013"]),
]  # fmt: skip


@pytest.fixture(scope="module")
def edges_judged(judge: Judge) -> list[list[str]]:
    return broken(judge, *(record for _, record, _ in EDGES))


@pytest.mark.parametrize("place", range(len(EDGES)), ids=[name for name, _, _ in EDGES])
def test_edges(edges_judged: list[list[str]], place: int) -> None:
    assert edges_judged[place] == EDGES[place][2]


def test_a_row_is_judged_alone_as_in_a_chunk(judge: Judge) -> None:
    """A column without a single value must not be taken for another type."""
    alone = example(DonViXuLy=None, NgayTraLoi=None, LoaiNoiDung=None, TrangThai="moi")
    assert broken(judge, alone) == [[]]
    assert broken(judge, example(LoaiNoiDung=9)) == [["PA-013"]]
