"""What a load counts while rows pass is what counting the rows afterwards would give."""

from __future__ import annotations

import pyarrow as pa

from onestop.quality.counted import LONGEST, Counted


def test_units_values_and_warnings_add_up_over_chunks() -> None:
    counted = Counted(["muc_do", "khong_co"])
    long = "ế" * (LONGEST + 9)
    for units, levels, warnings in (
        (["H15", "H15", None, long], ["4", None, "4", "3"], [None, "{OS-1,OS-2}", "{OS-1}", None]),
        (["H15", long + "x"], ["4", "4"], ["{OS-2}", "{OS-1}"]),
        (["H16"], ["4"], [None]),
    ):
        columns = {"don_vi_xu_ly": pa.array(units, pa.string()), "muc_do": pa.array(levels, pa.string())}
        counted.note(columns, warnings)
    assert counted.values == {
        ("agency", "H15"): 3,
        ("agency", long[:LONGEST]): 2,
        ("agency", "H16"): 1,
        ("muc_do", "4"): 5,
        ("muc_do", "3"): 1,
    }
    assert counted.warned == {
        ("OS-1", "H15"): 1,
        ("OS-2", "H15"): 2,
        ("OS-1", None): 1,
        ("OS-1", long[:LONGEST]): 1,
    }


def test_an_entity_without_a_unit_has_none_to_count() -> None:
    counted = Counted([])
    counted.note({"so_tien": pa.array(["1", "2"])}, [None, "{PT-1}"])
    assert counted.values == {}
    assert counted.warned == {("PT-1", None): 1}
