"""Unknown fields are shown without their values; required ones that changed are told apart from bad single rows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestop.quality.batch import BatchFacts, reason_to_stop
from onestop.quality.drift import EXAMPLES, MOST_FIELDS, NAME_CHARACTERS, UnknownFields, mask, shown_name
from onestop.specs import load_spec

SPEC = load_spec("one_stop_dossier")
ALLOWED = set("x9…!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Nguyễn Văn A", "xxxxxx xxx x"),
        ("0905 123-456", "9999 999-999"),
        ("a.b@c.vn", "x.x@x.xx"),
        (1204.5, "9999.9"),
        (True, "xxxx"),
        ([{"SoCCCD": "001"}], '[{"xxxxxx":"999"}]'),
        ("x" * 41, "x" * 40 + "…"),
        ("e\u0301\n٣", "xxx9"),
    ],
)
def test_a_masked_value(value: object, shown: str) -> None:
    assert mask(value) == shown


@given(st.text(st.characters(exclude_categories=[])) | st.recursive(st.integers(), st.lists))
def test_nothing_of_a_value_is_left(value: object) -> None:
    assert set(mask(value)) <= ALLOWED


def test_a_value_that_is_too_deep_to_write() -> None:
    deep: list[object] = []
    for _ in range(300):
        deep = [deep]
    assert mask(deep) == "…"


def test_a_name_is_printable_short_and_no_number_of_a_person() -> None:
    assert shown_name("a\0b\ud800\n") == "a?b??"
    assert shown_name("so 001099012345 v2") == "so 999999999999 v2"
    assert len(shown_name("n" * 10_000)) == NAME_CHARACTERS


def noted(*records: dict[str, object]) -> UnknownFields:
    unknown = UnknownFields(SPEC)
    unknown.note(records)
    return unknown


def test_known_fields_are_not_noted() -> None:
    assert noted({item.field: "1" for item in SPEC.fields}, {"DanhSachLePhi": [{"Gia": 1}]}).found == {}


def test_types_and_first_values_of_unknown_fields() -> None:
    unknown = noted({"Moi": None}, *({"Moi": f"Tên {n}"} for n in range(9)), {"Moi": 7}, {"Khac": []})
    assert unknown.found["Moi"].examples == ["xxx 9"] * EXAMPLES
    assert unknown.found["Moi"].types == {"null", "string", "integer"}
    assert unknown.found["Khac"].examples == []
    assert unknown.listed() == "Khac (array), Moi (integer or null or string)"


def test_unknown_parts_of_lists() -> None:
    assert set(noted({"DanhSachLePhi": [{"Gia": 1}, {"NguoiNop": "A"}, "text"]}).found) == {"DanhSachLePhi[].NguoiNop"}


def test_a_name_per_record_stays_bounded() -> None:
    unknown = noted(*({f"k{n % 1000}x{n}": 1} for n in range(1000)))
    assert len(unknown.found) == MOST_FIELDS
    assert unknown.listed().endswith("and 80 more (ops.unknown_field)")


def stops(*records: dict[str, object]) -> str | None:
    facts = BatchFacts(received=len(records))
    facts.note_fields(records, SPEC.required)
    facts.types.note(records, SPEC)
    facts.new_fields = noted(*records).listed()
    return reason_to_stop(facts, limit=1.0, some_were_due=True, failed_by_rule={})


GOOD: dict[str, object] = dict.fromkeys(SPEC.required, "1")


@pytest.mark.parametrize("value", [True, 1.5, {"ma": "1"}, ["1"]])
def test_a_required_field_retyped_in_every_record_stops(value: object) -> None:
    retyped = {**GOOD, "TrangThaiHoSo": value}
    assert "TrangThaiHoSo changed its type in every record" in str(stops(retyped, retyped))
    assert stops(retyped, GOOD) is None


@pytest.mark.parametrize("value", [10, None, "", "x"])
def test_whole_numbers_are_text_and_no_value_is_no_type(value: object) -> None:
    assert stops({**GOOD, "TrangThaiHoSo": value}) is None


def test_the_listing_has_every_difference() -> None:
    records = [{**GOOD, "KenhThucHien": {"ma": 2}, "DonVi": "H15.07"} for _ in range(3)] + [
        {**GOOD, "KenhThucHien": [1]}
    ]
    for record in records:
        del record["DonViXuLy"]
    assert str(stops(*records)).splitlines() == [
        "it differs from what the specification requires:",
        "- the required field DonViXuLy is absent from every record (4 records)",
        "- the required field KenhThucHien changed its type in every record that has it: expected string or integer,"
        " found object in 3 of 4 records, array in 1 of 4 records",
        "- fields that no specification knows: DonVi (string)",
    ]
