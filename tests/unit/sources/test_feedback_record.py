"""Times of feedback cases: with and without an offset, to the same 14 digits."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestop.sources.feedback_record import changed_since, local_stamp, normalise

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2024-08-23T08:15:00", "20240823081500"),
        ("2024-08-23T08:15:00+07:00", "20240823081500"),
        ("2024-08-23T08:15:00+0700", "20240823081500"),
        ("2024-08-23T08:15:00+07", "20240823081500"),
        ("2024-08-23T01:15:00Z", "20240823081500"),
        ("2024-08-23T01:15:00z", "20240823081500"),
        ("2024-08-22T20:15:00-05:00", "20240823081500"),
        ("2024-08-22T17:00:00Z", "20240823000000"),
        ("2024-12-31T23:59:59.999999Z", "20250101065959"),
        ("2024-08-23T08:15:00.5", "20240823081500"),
        ("2024-08-23T01:15:00.1234567Z", "20240823081500"),
        ("2024-08-23T08:15:00,25+07:00", "20240823081500"),
        ("2024-08-23 08:15:00", "20240823081500"),
        ("2024-08-23 08:15:00 +0700", "20240823081500"),
        ("2024-08-23T08:15", "20240823081500"),
        ("20240823T011500Z", "20240823081500"),
        ("2024-08-23", "20240823000000"),
        (" 2024-08-23T08:15:00 ", "20240823081500"),
        ("20240823081500", "20240823081500"),
    ],
)
def test_moments(text: str, stamp: str) -> None:
    assert local_stamp(text, ZONE) == stamp


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hôm qua",
        "23/08/2024",
        "08:15",
        "2024-8-23",
        "2024-08",
        "2024-02-30T08:00:00",
        "2024-08-23T24:00:00",
        "2024-08-23T23:59:60",
        "2024-08-23T08:15:00+24:00",
        "2024-08-23T08:15:00+07:60",
        "2024-08-23T08:15:00+7",
        "2024-0823T08:15:00",
        "2024-08-23T08:15:00Zz",
        "9999-12-31T23:00:00Z",
        "0000-00-00T00:00:00",
        "٢٠٢٤-٠٨-٢٣T08:15:00",
        "1724375700000",
    ],
)
def test_texts_that_are_no_moments(text: str) -> None:
    assert local_stamp(text, ZONE) is None
    assert normalise({"HanXuLy": text}, ZONE) == {"HanXuLy": text}


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), st.integers(-23 * 60, 23 * 60))
def test_every_offset_names_the_same_moment(local: datetime, minutes: int) -> None:
    local = local.replace(microsecond=0)
    moment = local.replace(tzinfo=ZONE)
    sign, (hours, rest) = "-" if minutes < 0 else "+", divmod(abs(minutes), 60)
    offset = f"{sign}{hours:02d}:{rest:02d}"
    there = datetime.fromtimestamp(moment.timestamp() + minutes * 60, UTC)
    if moment.astimezone(UTC).astimezone(ZONE).replace(tzinfo=None) == local:  # no hour that the zone skipped
        assert local_stamp(f"{there:%Y-%m-%dT%H:%M:%S}{offset}", ZONE) == f"{local:%Y%m%d%H%M%S}"
    assert local_stamp(f"{local:%Y-%m-%dT%H:%M:%S}", ZONE) == f"{local:%Y%m%d%H%M%S}"


def test_a_case_is_copied_and_what_is_no_time_stays() -> None:
    delivered = {
        "MaPAKN": " pakn.1 ",
        "NgayTiepNhan": "2024-08-23T01:15:00Z",
        "NgayTraLoi": None,
        "HanXuLy": "soon",
        "NgayChuyen": 20240823,
        "LoaiNoiDung": 3,
        "ThuocThamQuyen": True,
        "NoiDung": "2024-08-23T01:15:00Z",
        "Them": {"a": 1},
    }
    before = dict(delivered)
    shaped = normalise(delivered, ZONE)
    assert delivered == before
    assert shaped == {
        **before,
        "NgayTiepNhan": "20240823081500",
        "LoaiNoiDung": "3",
        "ThuocThamQuyen": "1",
    }
    assert normalise(shaped, ZONE) == shaped


@pytest.mark.parametrize(
    ("flag", "shaped"), [(True, "1"), (False, "0"), (None, None), ("true", "1"), (" False ", "0"), ("1", "1"), (0, 0)]
)
def test_competence(flag: object, shaped: object) -> None:
    assert normalise({"ThuocThamQuyen": flag}, ZONE)["ThuocThamQuyen"] == shaped


def test_the_parameter_of_the_next_request() -> None:
    assert changed_since("20240925080000", ZONE) == "2024-09-25T01:00:00Z"
    assert changed_since("19700101000000", ZONE) == "1970-01-01T00:00:00Z"  # the first load
    with pytest.raises(ValueError):
        changed_since("2024-09-25", ZONE)
