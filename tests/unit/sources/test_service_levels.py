"""Old and new names of the levels of online service mean the same numbers."""

from __future__ import annotations

import pytest

from onestop.errors import DataRefused
from onestop.sources.portal_columns import DOSSIER
from onestop.sources.reference import FILES, read_reference
from onestop.sources.service_levels import LABELS, level_of

PROCEDURE = next(kind for kind in FILES if kind.entity == "procedure")


def catalogue(level: str) -> bytes:
    cells = {
        "procedure_code": "1.012790.000.00.00.H15",
        "name_vi": "Khai sinh",
        "field_code": "HT",
        "service_level": level,
    }
    cells |= {"has_fee": "0", "content_complete": "1", "field_name_vi": "Hộ tịch"}
    lines = [",".join(PROCEDURE.columns), ",".join(cells.get(name, "") for name in PROCEDURE.columns)]
    return "\n".join(lines).encode()


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("1", "1"),
        ("2", "2"),
        ("4.0", "4"),
        ("Mức độ 3", "3"),
        ("mức 4", "4"),
        ("Toàn trình", "4"),
        ("TOÀN  TRÌNH", "4"),
        ("Toa\u0300n tri\u0300nh", "4"),  # decomposed
        ("Dịch vụ công trực tuyến một phần", "3"),
        ("DVCTT toàn trình", "4"),
        ("Cung cấp thông tin", "2"),
        ("", None),
        ("5", None),
        ("34", None),
        ("toàn", None),
    ],
)
def test_levels(text: str, level: str | None) -> None:
    assert level_of(text) == level


def test_a_catalogue_may_write_either() -> None:
    for text in ("4", "Toàn trình", "Mức độ 4"):
        (row,) = read_reference(PROCEDURE, catalogue(text))
        assert row["service_level"] == "4"
    (row,) = read_reference(PROCEDURE, catalogue(""))
    assert row["service_level"] is None


def test_a_level_that_is_none_is_named_with_its_line() -> None:
    with pytest.raises(DataRefused, match="line 2: service_level 'cấp 9' is not one of"):
        read_reference(PROCEDURE, catalogue("cấp 9"))


def test_the_portals_labels_are_the_same_ones() -> None:
    (column,) = [column for column in DOSSIER.columns if column.field == "MucDo"]
    assert sorted((column.labels or {}).values()) == [str(level_of(label)) for label in LABELS]
