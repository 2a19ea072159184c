"""Each repair of a code is counted under its kind, with examples that show no number of a person."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestop.quality.repairs import EXAMPLES, KINDS, CodeRepairs, kinds_of
from onestop.sources.code_repairs import repaired
from onestop.sources.text import code_array


def noted(*codes: str | None) -> CodeRepairs:
    before = pa.array(codes, pa.string())
    changed = repaired(before, code_array(before))
    repairs = CodeRepairs()
    repairs.note({"MaHoSo": changed} if changed else {})
    return repairs


@pytest.mark.parametrize(
    ("code", "kinds"),
    [
        (" H15.07", {"trimmed"}),
        ("H15.07\u00a0", {"trimmed"}),
        ("H15 .07", {"inner blanks removed"}),
        ("h15.07", {"upper case"}),
        ("Đ\u1ee8C".replace("\u1ee8", "U\u031b\u0301"), {"composed (NFC)"}),
        (" h15 .07\n", {"trimmed", "inner blanks removed", "upper case"}),
        ("H15.07", set()),
        ("  ", set()),
        ("", set()),
        (None, set()),
    ],
)
def test_a_code_counts_under_each_kind_of_its_repair(code: str | None, kinds: set[str]) -> None:
    found = noted(code, "H15.21").found
    assert {kind for _, kind in found} == kinds
    assert all(seen.codes == 1 for seen in found.values())


@given(st.text(st.sampled_from("aAđ1. \t\u00a0\u0301e\u2003-")))
def test_what_is_changed_has_a_kind_and_what_is_not_has_none(code: str) -> None:
    after = code_array(pa.array([code], pa.string()))[0].as_py()
    assert bool(kinds_of(code)) == (after != code) or after is None


def test_repairs_add_up_over_chunks_and_keep_the_first_examples() -> None:
    repairs = noted(*[f"h15-{n}" for n in range(5)], "h15-0")
    before = pa.array(["h15-9", "x"], pa.string())
    repairs.note({"MaHoSo": repaired(before, code_array(before))})  # type: ignore[dict-item]
    seen = repairs.found["MaHoSo", "upper case"]
    assert seen.codes == 8
    assert seen.examples == [(f"h15-{n}", f"H15-{n}") for n in range(EXAMPLES)]
    assert repairs.said() == "codes repaired (MaHoSo: upper case 8)"
    assert noted("H15").said() is None


@pytest.mark.parametrize("value", ["nguyễn văn a", "001099012345 ", "a@b.vn", "x" * 41])
def test_an_example_that_may_name_a_person_is_masked(value: str) -> None:
    ((before, after),) = {example for seen in noted(value).found.values() for example in seen.examples}
    assert not set(before.lower()) & set("nguyễvăa0123456@") - set("x9@. ") and value not in (before, after)


def test_the_migration_knows_the_kinds() -> None:
    from onestop.warehouse.migrations import FOLDER

    (file,) = FOLDER.glob("*_code_repairs.sql")
    assert all(f"'{kind}'" in file.read_text() for kind in KINDS)
