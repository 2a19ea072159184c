"""Pages of a feed: read from bytes strictly, and watched so that a feed that goes round is noticed."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import deque
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import orjson

Record = dict[str, Any]
MOST_CURSOR_REPEATS = 8
MOST_PAGES_WITHOUT_NEWS = 10_000
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a feed: its 1-based number, the bytes as received, and its records in their order."""

    number: int
    body: bytes
    records: list[Record]


class Feed(Iterator[Page]):
    """The pages of one pull, which another thread may stop.

    Args:
        pages: yields them; nothing is asked of the source before the first one is.
        stop: ends a wait or a request under way.
    """

    def __init__(self, pages: Generator[Page, None, None], stop: Callable[[], None]) -> None:
        self._pages = pages
        self.stop = stop

    def __next__(self) -> Page:
        return next(self._pages)

    def close(self) -> None:
        """Closes the connection; to be called by the thread that reads."""
        self._pages.close()


class ForeignBodyError(ValueError):
    """A body that is not a page of this feed. The text says why, and quotes nothing."""


def parse_page(body: bytes) -> tuple[list[Record], str | None]:
    """The records of a page, and the cursor of the next one (None: the feed has ended).

    Lone surrogates in texts, which no database stores, become U+FFFD; a number too large for any machine becomes its
    own text, so that its row alone is judged wrong.

    Raises:
        ForeignBodyError: not JSON (NaN and infinities are none), or JSON of another shape.
    """
    content = decode(body)
    if not isinstance(content, dict):
        raise ForeignBodyError("no JSON object")
    if "data" not in content or "next_cursor" not in content:
        raise ForeignBodyError("data or next_cursor is missing")
    records, cursor = content["data"], content["next_cursor"]
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise ForeignBodyError("data is no list of objects")
    if cursor is not None and (not isinstance(cursor, str) or not cursor):
        raise ForeignBodyError("next_cursor is neither a text nor null")
    return records, cursor


def decode(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        pass  # orjson refuses lone surrogates and a byte order mark, which some servers write
    try:
        text = body.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogatepass")
        return _mended(json.loads(text, parse_constant=_no_number, parse_float=_float, parse_int=_integer))
    except RecursionError:
        raise ForeignBodyError("nested deeper than can be read") from None
    except ValueError:
        raise ForeignBodyError("not JSON, or cut short") from None


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _float(text: str) -> float | str:
    value = float(text)
    return value if math.isfinite(value) else text


def _integer(text: str) -> int | float | str:
    """As orjson reads it: what does not fit 64 bits is a float."""
    if len(text) <= 20 and -(2**63) <= int(text) < 2**64:
        return int(text)
    return _float(text)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        return _LONE_SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_mended(v) for v in value]
    if isinstance(value, dict):
        return {_mended(k): _mended(v) for k, v in value.items()}
    return value


class LoopGuard:
    """Notices a feed that goes round, in memory that does not grow with it.

    A page may be served twice, so that a cursor may come again a few times. It must not keep coming:
    short circles show in a window of recent cursors, long ones by Brent's method (one remembered
    cursor, replaced after 1, 2, 4, 8 ... pages). Cursors that keep changing while no page brings a record
    that the page before did not hold are a circle too.
    """

    def __init__(self) -> None:
        self._recent: deque[bytes] = deque(maxlen=64)
        self._repeats = 0
        self._anchor = b""
        self._anchor_repeats = 0
        self._steps, self._span = 0, 1
        self._keys: frozenset[int] = frozenset()
        self._without_news = 0

    def goes_round(self, cursor: str, records: list[Record]) -> bool:
        """Whether the page just received, with the cursor it hands out, shows a loop."""
        mark = hashlib.blake2b(cursor.encode("utf-8", "surrogatepass"), digest_size=12).digest()
        self._repeats = self._repeats + 1 if mark in self._recent else 0
        self._recent.append(mark)
        self._steps += 1
        if mark == self._anchor:
            self._anchor_repeats += 1
        elif self._steps >= self._span:
            self._anchor, self._anchor_repeats = mark, 0
            self._steps, self._span = 0, self._span * 2
        keys = _keys(records)
        self._without_news = self._without_news + 1 if keys <= self._keys else 0
        self._keys = keys or self._keys
        return (
            max(self._repeats, self._anchor_repeats) > MOST_CURSOR_REPEATS
            or self._without_news >= MOST_PAGES_WITHOUT_NEWS
        )


_TOLD_APART_BY = itemgetter("MaHoSo", "NgayCapNhat")


def _keys(records: list[Record]) -> frozenset[int]:
    """What the records of a page are told apart by. The next page waits for this: a page's common form goes fast."""
    try:
        pairs = list(map(_TOLD_APART_BY, records))
        if all(type(key) is str and type(version) is str for key, version in pairs):
            return frozenset(map(hash, pairs))
    except KeyError:
        pass
    return frozenset(hash((_mark(r.get("MaHoSo")), _mark(r.get("NgayCapNhat")))) for r in records)


def _mark(value: Any) -> str:
    """What a key or version is told apart by; an object or a list, which is none, by its kind."""
    return type(value).__name__ if isinstance(value, dict | list) else str(value)
