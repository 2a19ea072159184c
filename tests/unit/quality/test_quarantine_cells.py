"""What of a rejected row may be read: the cells that a rule is about, and nothing that may be personal."""

from __future__ import annotations

from typing import Any

import pytest

from onestop.quality.quarantine_cells import HIDDEN, MISSING, cells_of, fields_of, shown_cell, shown_key
from onestop.quality.rules import RowRule, rules_for
from onestop.specs import EntitySpec, Item, load_spec

BOOKS = {
    name: (rules_for(*name.split("/")), load_spec(name.replace("/", "_") if "case" not in name else "feedback_case"))
    for name in ("one_stop/dossier", "portal/dossier", "portal/payment", "portal/rating", "feedback/feedback_case")
}
RULES = [
    pytest.param(book, rule, spec, id=rule.id)
    for book, spec in BOOKS.values()
    for rule in book.row_rules
    if rule.action == "quarantine"
]
NAME, PHONE, CITIZEN = "Nguyễn Văn Thử", "0905123456", "066123456789"


@pytest.mark.parametrize(("book", "rule", "spec"), RULES)
def test_every_rule_names_the_cells_that_a_clerk_must_see(book: Any, rule: RowRule, spec: EntitySpec) -> None:
    fields = fields_of(rule, spec)
    assert fields
    assert not set(fields) & spec.personal_fields
    changed = {name for name, value in rule.failing.items() if book.example.record.get(name) != value}
    shown = cells_of(rule, spec, {**book.example.record, **rule.failing})
    at_fault = {name.partition("[")[0] for name in shown}
    assert at_fault & changed or not changed & {f.field for f in spec.fields}, (rule.id, shown)


def cell(field: str, value: Any, kind: Any = "code") -> str:
    return shown_cell(Item(field=field, kind=kind), value)


@pytest.mark.parametrize(
    ("field", "kind", "value"),
    [
        ("MaHoSo", "code", "H15.07/240823/0001"),
        ("MaTTHC", "code", "1.01279"),
        ("DonViXuLy", "code", "H15.99"),
        ("KenhThucHien", "text", "9"),
        ("TrangThaiHoSo", "text", "Đang chờ ký"),
        ("NgayTiepNhan", "date", "31/02/2024 08:00"),
        ("NgayTiepNhan", "date", "20241331000000"),
        ("NgayTiepNhan", "date", "202408230815"),
        ("SoTien", "text", "-1.000"),
    ],
)
def test_a_wrong_value_of_the_right_kind_is_shown_as_delivered(field: str, kind: str, value: str) -> None:
    assert cell(field, f" {value} ", kind) == value


@pytest.mark.parametrize("field", ["MaHoSo", "DonViXuLy", "MaTTHC", "NgayTiepNhan", "SoTien", "TrangThaiHoSo", "Diem"])
@pytest.mark.parametrize(
    "secret", [f"{NAME} {PHONE}", PHONE, CITIZEN, f"+84{PHONE[1:]}", "y.moan@example.vn", "x" * 200]
)
def test_what_may_be_personal_shows_its_shape_only(field: str, secret: str) -> None:
    kind = "date" if field.startswith("Ngay") else "code"
    shown = cell(field, secret, kind)
    assert PHONE[1:] not in shown and CITIZEN not in shown and "Nguyễn" not in shown and "moan" not in shown
    assert len(shown) <= 61


def test_names_stay_out_of_codes_dates_and_amounts() -> None:
    for field in ("MaHoSo", "DonViXuLy", "NgayTiepNhan", "SoTien", "Diem", "MaPAKN"):
        assert cell(field, NAME) == "xxxxxx xxx xxx"


def test_empty_sealed_and_nested_cells() -> None:
    assert [cell("MaHoSo", value) for value in (None, "", "  ")] == [MISSING] * 3
    assert cell("MaHoSo", {"encrypted": "x"}) == HIDDEN
    assert shown_cell(Item(field="Email", kind="text", personal="e-mail"), "x") == HIDDEN
    assert (shown_key(None), shown_key("H15.07-240823-0001"), shown_key(NAME)) == (
        MISSING, "H15.07-240823-0001", "xxxxxx xxx xxx",
    )  # fmt: skip


def test_of_a_rule_about_all_dates_only_the_wrong_ones_are_shown_also_in_lists() -> None:
    book, spec = BOOKS["one_stop/dossier"]
    payload = {
        "NgayTiepNhan": "20240823081500",
        "NgayHenTra": "20230229000000",
        "NgayCapNhat": "",
        "DanhSachHoSoBoSung": [
            {"NgayBoSung": "20240823000000", "NoiDungBoSung": {"encrypted": "x"}},
            {"NgayBoSung": "hôm qua", "NgayHenTraMoi": "2024-09-01"},
        ],
    }
    assert cells_of(book.row_rule("OS-006"), spec, payload) == {
        "NgayHenTra": "20230229000000",
        "NgayCapNhat": MISSING,
        "DanhSachHoSoBoSung[2].NgayBoSung": "xxx xxx",
        "DanhSachHoSoBoSung[2].NgayHenTraMoi": "2024-09-01",
    }
    fees = {"DanhSachLePhi": [{"Gia": 5}, {"Gia": "5.000 đ"}, {"Gia": True}]}
    assert cells_of(book.row_rule("OS-019"), spec, fees | {"MucDoHaiLong": "6"}) == {
        "MucDoHaiLong": "6",
        "DanhSachLePhi[2].Gia": "5.000 đ",
        "DanhSachLePhi[3].Gia": "True",
    }
