from __future__ import annotations

from itertools import count

import pytest

from onestop.sources import paging
from onestop.sources.paging import ForeignBodyError, LoopGuard, parse_page


def test_a_page_is_records_in_order_and_the_next_cursor() -> None:
    assert parse_page(b'{"data": [{"a": "2"}, {"a": "1"}], "next_cursor": "x", "total": 9}') == (
        [{"a": "2"}, {"a": "1"}],
        "x",
    )
    assert parse_page(b'{"data": [], "next_cursor": null}') == ([], None)
    assert parse_page(b'\xef\xbb\xbf{"data": [], "next_cursor": null}') == ([], None)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (rb"\ud83d", "\ufffd"),
        (rb"a\udc00b", "a\ufffdb"),
        (rb"\ud83d\ude00", "\U0001f600"),
        (b"\xed\xa0\xbd", "\ufffd"),
        ("Nguyễn".encode() + rb"\ud800", "Nguyễn\ufffd"),
    ],
)
def test_lone_surrogates_become_replacement_characters(written: bytes, read: str) -> None:
    body = b'{"data": [{"k": ["' + written + b'"], "' + written + b'": 1.5}], "next_cursor": null}'
    assert parse_page(body)[0] == [{"k": [read], read: 1.5}]
    read.encode()


@pytest.mark.parametrize(
    "number", ["18446744073709551615", "18446744073709551616", "-9223372036854775809", "12", "1.5"]
)
def test_numbers_are_read_alike_whichever_reader_is_needed(number: str) -> None:
    plain = parse_page(f'{{"data": [{{"n": {number}}}], "next_cursor": null}}'.encode())[0][0]["n"]
    mended = parse_page(f'{{"data": [{{"n": {number}, "t": "\\ud800"}}], "next_cursor": null}}'.encode())[0][0]["n"]
    assert (plain, type(plain)) == (mended, type(mended))


@pytest.mark.parametrize("number", ["1e999", "-1E+400", "9" * 5000])
def test_a_number_too_large_for_any_machine_spoils_only_its_own_row(number: str) -> None:
    body = f'{{"data": [{{"n": {number}}}, {{"n": 1}}], "next_cursor": null}}'.encode()
    assert parse_page(body)[0] == [{"n": number}, {"n": 1}]


def test_records_without_a_usable_key_do_not_stop_the_guard() -> None:
    deep: object = []
    for _ in range(900):
        deep = [deep]
    assert not LoopGuard().goes_round("a", [{"MaHoSo": deep, "NgayCapNhat": {"x": deep}}, {}])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b'{"data": [{"a": "1"}], "next_curs',
        b"[]",
        b"null",
        b"{}",
        b'{"data": []}',
        b'{"next_cursor": null}',
        b'{"data": {}, "next_cursor": null}',
        b'{"data": null, "next_cursor": null}',
        b'{"data": [1], "next_cursor": null}',
        b'{"data": [null], "next_cursor": null}',
        b'{"data": [], "next_cursor": 7}',
        b'{"data": [], "next_cursor": ""}',
        b'{"data": [{"n": NaN}], "next_cursor": null}',
        b'{"data": [{"n": -Infinity}], "next_cursor": null}',
        b'{"data": [{"n": "\xff"}], "next_cursor": null}',
        b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b', "next_cursor": null}',
        b'{"data": [], "next_cursor": null} <!-- -->',
    ],
)
def test_anything_else_is_foreign_and_not_quoted(body: bytes) -> None:
    with pytest.raises(ForeignBodyError) as caught:
        parse_page(body)
    assert len(str(caught.value)) < 60


def pages_until_noticed(cursors: list[str], limit: int) -> int | None:
    """How many pages of the cycle a guard lets pass. Each brings records of its own."""
    guard = LoopGuard()
    for n in range(limit):
        if guard.goes_round(cursors[n % len(cursors)], [{"MaHoSo": str(n)}]):
            return n
    return None


@pytest.mark.parametrize("length", [1, 2, 3, 64, 65, 500])
def test_a_circle_of_any_length_is_noticed(length: int) -> None:
    noticed = pages_until_noticed([f"c{n}" for n in range(length)], 40 * length + 100)
    assert noticed is not None
    if length <= 64:
        assert noticed <= length + paging.MOST_CURSOR_REPEATS


def test_a_circle_after_a_long_healthy_start_is_noticed() -> None:
    guard = LoopGuard()
    assert not any(guard.goes_round(f"c{n}", [{"MaHoSo": str(n)}]) for n in range(5000))
    assert any(guard.goes_round(f"d{n % 3}", [{"MaHoSo": str(n)}]) for n in range(20))


def test_every_page_served_twice_is_no_circle() -> None:
    guard = LoopGuard()
    for n in range(50_000):
        assert not guard.goes_round(f"c{n // 2}", [{"MaHoSo": str(n // 2)}])


def test_changing_cursors_that_bring_nothing_new_are_a_circle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "MOST_PAGES_WITHOUT_NEWS", 100)
    same = [{"MaHoSo": "A", "NgayCapNhat": "1"}, {"MaHoSo": "B", "NgayCapNhat": "1"}]
    guard = LoopGuard()
    cursors = (f"c{n}" for n in count())
    assert not any(guard.goes_round(next(cursors), same) for _ in range(100))
    assert guard.goes_round(next(cursors), same[:1])
    guard = LoopGuard()
    for n in range(1000):  # empty pages and repeats between news are legal
        records = [{"MaHoSo": "A", "NgayCapNhat": str(n)}] if n % 50 == 0 else []
        assert not guard.goes_round(next(cursors), records)
