"""Every rule of expectations/one_stop/dossier.yml, played on its passing and failing example and on the edges."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from onestop.clock import to_stamp
from onestop.config import Province
from onestop.errors import OnestopError
from onestop.quality.facts import dossier_table
from onestop.quality.judge import Judge
from onestop.quality.reference import ReferenceIndex
from onestop.quality.rules import RuleBook, rules_for
from onestop.sources.records import shape
from onestop.specs import load_spec

BOOK = rules_for("one_stop", "dossier")
SPEC = load_spec("one_stop_dossier")
REFERENCE = ReferenceIndex.build(
    [
        ("H15", None, None),
        ("H15.07", "2000-01-01", None),
        ("H15.OLD", "2000-01-01", "2024-08-22"),
        ("H15.NEW", "2024-09-26", None),
        ("H15.GAP", "2000-01-01", "2024-08-22"),
        ("H15.GAP", "2024-09-26", None),
    ],
    ["1.012790"],
)
ZONE = Province(code="H15", name_vi="x").zone


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(BOOK)


def broken(judge: Judge, *records: dict[str, Any], single: list[bool] | None = None) -> list[list[str]]:
    """The ids of the rules that each record breaks; `single`: no other content under its code and version."""
    shaped = shape(list(records), SPEC, first_row=1, hash_key=b"k" * 32)
    as_of = datetime.fromisoformat(BOOK.example.as_of)
    table = dossier_table(
        shaped.columns,
        shaped.dates,
        {
            "unreadable_dates": shaped.unreadable_dates,
            "bad_amounts": shaped.bad_amounts,
            "legacy_texts": shaped.legacy_texts,
        },
        np.array(["MucDoHaiLong" not in shaped.not_text.get(place, ()) for place in range(len(records))]),
        SPEC,
        REFERENCE,
        to_stamp(as_of + timedelta(hours=1), ZONE),
        np.array(single or [True] * len(records)),
    )
    deleted = np.array([r.get("DaXoa") == "1" for r in records])
    verdict = judge(table, deleted)
    return [[r.id for r in BOOK.row_rules if verdict.broken[r.id][place]] for place in range(len(records))]


def example(**changes: Any) -> dict[str, Any]:
    return {**BOOK.example.record, **changes}


def test_the_contract_s_rules_are_all_there() -> None:
    ids = [r.id for r in (*BOOK.batch_rules, *BOOK.row_rules)]
    assert ids == [f"OS-{n:03d}" for n in range(20)]
    warned = {r.id for r in BOOK.row_rules if r.action == "warn"}
    assert [(r.id, r.action) for r in BOOK.delivery_rules] == [(f"OS-90{n}", "warn") for n in range(1, 6)]
    assert warned == {"OS-012", "OS-013", "OS-014", "OS-015", "OS-016", "OS-017"}


def test_example_record_keeps_every_rule(judge: Judge) -> None:
    assert broken(judge, example()) == [[]]


@pytest.fixture(scope="module")
def examples_judged(judge: Judge) -> dict[str, tuple[list[str], list[str]]]:
    """Rule id -> the rules that its passing and its failing example break; all in one chunk, as a feed brings them."""
    records, single = [], []
    for rule in BOOK.row_rules:
        failing = {k: v for k, v in rule.failing.items() if not k.startswith("_")}
        records += [example(**rule.passing), example(**failing)]
        single += [True, "_served_before_with" not in rule.failing]
    found = broken(judge, *records, single=single)
    return {rule.id: (found[2 * n], found[2 * n + 1]) for n, rule in enumerate(BOOK.row_rules)}


@pytest.mark.parametrize("rule", BOOK.row_rules, ids=lambda r: r.id)
def test_examples_of_the_file(examples_judged: dict[str, tuple[list[str], list[str]]], rule: Any) -> None:
    kept, lost = examples_judged[rule.id]
    assert rule.id not in kept
    assert [i for i in lost if i == rule.id or BOOK.row_rule(i).action == "quarantine"] == [rule.id]


def without(name: str) -> dict[str, Any]:
    return {k: v for k, v in example().items() if k != name}


EDGES = [
    ("OS-001 null", without("MaHoSo"), ["OS-001"]),
    ("OS-001 five digits", example(MaHoSo="H15.07-240823-04008"), []),
    ("OS-001 seven digits", example(MaHoSo="H15.07-240823-0400812"), ["OS-001"]),
    ("OS-001 inner blank goes", example(MaHoSo="H15.07-240823- 0001"), []),
    ("OS-001 arabic digits", example(MaHoSo="H15.07-240823-٠٠٠١"), ["OS-001"]),
    ("OS-001 NUL", example(MaHoSo="H15.07-240823-0001\x00"), ["OS-001"]),
    ("OS-002 null", example(MaTTHC=" "), ["OS-002", "OS-016"]),
    ("OS-003 null", example(TrangThaiHoSo=None), ["OS-003"]),
    ("OS-003 leading nought", example(TrangThaiHoSo="01"), ["OS-003"]),
    ("OS-004 null", without("KenhThucHien"), ["OS-004"]),
    ("OS-005 not for 3", example(NgayTiepNhan=None, TrangThaiHoSo="3", NgayKetThucXuLy=None), []),
    ("OS-005 with unknown status", example(NgayTiepNhan=None, TrangThaiHoSo="x"), ["OS-003", "OS-005"]),
    ("OS-005 unreadable is present", example(NgayTiepNhan="2024-08-23"), ["OS-006"]),
    ("OS-006 no update", without("NgayCapNhat"), ["OS-006"]),
    ("OS-006 only, not OS-010", example(NgayKetThucXuLy="soon"), ["OS-006"]),
    ("OS-006 13 digits", example(NgayTra="2024082310150"), ["OS-006"]),
    ("OS-006 in a list", example(DanhSachHoSoBoSung=[{"NgayBoSung": "20240231000000"}]), ["OS-006"]),
    ("OS-006 list that is none", example(DanhSachXinLoi="x"), ["OS-006"]),
    ("OS-006 list as JSON text", example(DanhSachXinLoi='[{"NgayXinLoi": "20240824000000"}]'), []),
    ("OS-006 fee date", example(DanhSachLePhi=[{"Gia": 1, "NgayThanhToan": "x"}]), ["OS-006"]),
    ("OS-009 both on one day", example(NgayKetThucXuLy="20240823000000", NgayTiepNhan="20240823235959"), []),
    ("OS-010 withdrawn", example(TrangThaiHoSo="7", NgayKetThucXuLy=""), ["OS-010"]),
    ("OS-011 null", without("DonViXuLy"), ["OS-011"]),
    ("OS-011 ended the day before", example(DonViXuLy="H15.OLD"), ["OS-011"]),
    (
        "OS-011 ended on the day",
        example(DonViXuLy="H15.OLD", NgayTiepNhan="20240822120000", NgayNopHoSo="20240823080000"),
        [],
    ),
    ("OS-011 begins the day after", example(DonViXuLy="H15.NEW"), ["OS-011"]),
    ("OS-011 in a gap", example(DonViXuLy="H15.GAP"), ["OS-011"]),
    (
        "OS-011 without receipt: known is enough",
        example(DonViXuLy="H15.OLD", NgayTiepNhan=None, TrangThaiHoSo="1", NgayKetThucXuLy=None),
        [],
    ),
    ("OS-012 to OS-018 without any appointment", example(NgayHenTra=None, NgayHenTraBanDau=None), ["OS-012"]),
    (
        "OS-014 nothing to compare",
        example(NgayNopHoSo=None, NgayTiepNhan=None, TrangThaiHoSo="1", NgayKetThucXuLy=None),
        [],
    ),
    (
        "OS-018 falls back to the appointment shown",
        example(NgayHenTraBanDau=None, NgayHenTra="20240822000000"),
        ["OS-018"],
    ),
    ("OS-018 unreadable first: not judged", example(NgayHenTraBanDau="x", NgayHenTra="20240822000000"), ["OS-006"]),
    ("OS-019 rating 0", example(MucDoHaiLong="0"), ["OS-019"]),
    ("OS-019 rating as a number", example(MucDoHaiLong=5), ["OS-019"]),
    ("OS-019 fee absent", example(DanhSachLePhi=[{"MaPhiLePhi": "LP"}]), ["OS-019"]),
    ("OS-019 negative", example(DanhSachLePhi=[{"Gia": -1}]), ["OS-019"]),
    ("OS-019 free", example(DanhSachLePhi=[{"Gia": 0}, {"Gia": "0"}]), []),
    ("OS-017 in a list", example(DanhSachXinLoi=[{"LyDo": "V¨n phßng"}]), ["OS-017"]),
    ("OS-017 in a personal field", example(ChuHoSo="NguyÔn V¨n A"), ["OS-017"]),
    ("a delete is judged by its code only", {"MaHoSo": "H15.07-240823-0001", "DaXoa": "1"}, []),
    ("a delete with a bad code", {"MaHoSo": "x", "DaXoa": "1"}, ["OS-001"]),
]


@pytest.fixture(scope="module")
def edges_judged(judge: Judge) -> list[list[str]]:
    return broken(judge, *(record for _, record, _ in EDGES))


@pytest.mark.parametrize("place", range(len(EDGES)), ids=[name for name, _, _ in EDGES])
def test_edges(edges_judged: list[list[str]], place: int) -> None:
    assert edges_judged[place] == EDGES[place][2]


def test_a_row_is_judged_alone_as_in_a_chunk(judge: Judge) -> None:
    _, record, expected = EDGES[1]
    assert broken(judge, record) == [expected]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "expect_column_values_to_be_in_sett", "column": "x", "value_set": []}, "no expectation"),
        ({"type": "expect_column_values_to_not_be_null", "colum": "x"}, "takes no colum"),
    ],
)
def test_a_misspelt_rule_is_named(change: dict[str, Any], words: str) -> None:
    content = BOOK.model_dump()
    content["row_rules"] = [{**content["row_rules"][0], "expectations": [change]}]
    with pytest.raises(OnestopError, match=f"OS-001.*{words}"):
        Judge(RuleBook.model_validate(content))


def test_a_rule_on_an_unknown_column_says_so_without_values() -> None:
    content = BOOK.model_dump()
    content["row_rules"] = [
        {**content["row_rules"][0], "expectations": [{"type": "expect_column_values_to_not_be_null", "column": "nope"}]}
    ]
    with pytest.raises(OnestopError, match="OS-001 could not be judged") as caught:
        broken(Judge(RuleBook.model_validate(content)), example())
    assert "0001" not in str(caught.value)


def test_rules_need_owner_and_message() -> None:
    content = BOOK.model_dump()
    del content["row_rules"][0]["owner"]
    with pytest.raises(ValueError, match="owner"):
        RuleBook.model_validate(content)
