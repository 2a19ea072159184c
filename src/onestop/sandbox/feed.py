"""The records of one source system, in the order in which its feed serves them.

Holds bytes, not dictionaries: a page is a join of what was serialised once, so that one core serves
hundreds of pages of 1000 records a second.
"""

from __future__ import annotations

import random
import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from onestop.errors import ConfigurationError

Position = tuple[str, str, int]
"""(NgayCapNhat, MaHoSo, arrival): the place of a record in the feed; arrival keeps equal keys apart."""

LATE_WINDOW = timedelta(minutes=55)


class Record(NamedTuple):
    """One record as served: its place in the feed (NgayCapNhat and MaHoSo as text) and its JSON."""

    stamp: str
    code: str
    body: bytes


class Slice(NamedTuple):
    """Part of a range: the JSON of its records, the position after it (None: the end), the range's size."""

    bodies: list[bytes]
    after: Position | None
    total: int


def compact_json(content: Mapping[str, Any]) -> bytes:
    """The content as JSON, in no more memory than it needs.

    The serialiser's own buffer stays several times as large as what it holds: kept by the hundred thousand, that
    would be gigabytes.
    """
    return bytes(memoryview(orjson.dumps(content)))


def as_record(value: Record | bytes | Mapping[str, Any]) -> Record:
    """A record from its JSON object, or from the bytes of one.

    Raises:
        ValueError: the bytes are no JSON object.
    """
    if isinstance(value, Record):
        return value
    content = orjson.loads(value) if isinstance(value, bytes) else value
    if not isinstance(content, Mapping):
        raise ValueError("a record is a JSON object")
    body = value if isinstance(value, bytes) else compact_json(content)
    return Record(str(content.get("NgayCapNhat") or ""), str(content.get("MaHoSo") or ""), body)


def read_jsonl(path: Path | str) -> Iterator[Record]:
    """The records of a file with one JSON object a line; blank lines are skipped.

    Raises:
        ConfigurationError: the file cannot be read, or a line of it is no JSON object.
    """
    try:
        with Path(path).open("rb") as lines:
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    continue
                try:
                    yield as_record(line.strip())
                except ValueError:
                    raise ConfigurationError(
                        f"{path}, line {number} is no JSON object", next_step="give a file with one dossier a line"
                    ) from None
    except OSError as problem:
        raise ConfigurationError(f"{path} cannot be read: {problem}", next_step="name an existing file") from problem


class Feed:
    """Records by (NgayCapNhat, MaHoSo); safe for several threads."""

    def __init__(self, records: Iterable[Record | bytes | Mapping[str, Any]]) -> None:
        arrived = [as_record(r) for r in records]
        order = sorted(range(len(arrived)), key=[r[:2] for r in arrived].__getitem__)
        self._keys: list[Position] = [(arrived[i].stamp, arrived[i].code, i) for i in order]
        self._bodies = [arrived[i].body for i in order]
        self._arrivals = len(arrived)
        self._hidden: frozenset[Position] = frozenset()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._keys)

    def commit(self, records: Iterable[Record | bytes | Mapping[str, Any]]) -> None:
        """Add records while the feed is being served; cursors given out before stay good."""
        with self._lock:
            for value in records:
                record = as_record(value)
                key = (record.stamp, record.code, self._arrivals)
                self._arrivals += 1
                place = bisect_right(self._keys, key)
                self._keys.insert(place, key)
                self._bodies.insert(place, record.body)

    def hold_back(self, count: int, seed: int) -> int:
        """Hide up to `count` records, as if their transactions were still open, until `release`.

        Only records up to 55 minutes older than the newest one (which stays): later ones are what an overlap of
        60 minutes brings in. Returns how many were hidden.
        """
        with self._lock:
            newest = self._keys[-1][0] if self._keys else ""
            try:
                oldest = (datetime.strptime(newest, "%Y%m%d%H%M%S") - LATE_WINDOW).strftime("%Y%m%d%H%M%S")  # noqa: DTZ007
            except ValueError:  # an empty feed, or one whose newest record has no real moment
                return 0
            window = self._keys[bisect_left(self._keys, (oldest,)) : bisect_left(self._keys, (newest,))]
            chosen = random.Random(seed).sample(window, min(count, len(window)))  # noqa: S311
            self._hidden = frozenset(chosen)
            return len(chosen)

    def release(self) -> None:
        """Commit what was held back."""
        self._hidden = frozenset()

    def slice(self, first: str, last: str, limit: int, after: Position | None, back: int = 0) -> Slice:
        """Up to `limit` records of [first, last) behind `after`, and up to `back` records before them once more."""
        with self._lock:
            low = bisect_left(self._keys, (first,))
            high = max(low, bisect_left(self._keys, (last,)))
            start = low if after is None else max(low, bisect_right(self._keys, after))
            hidden = self._hidden
            held = [key for key in hidden if first <= key[0] < last]
            total = high - low - len(held)
            if not held:
                stop = min(start + limit, high)
                bodies = self._bodies[max(low, start - back) : stop]
            else:
                places = [i for i in range(start, high) if self._keys[i] not in hidden]
                stop = places[limit - 1] + 1 if len(places) >= limit else high
                bodies = [self._bodies[i] for i in range(max(low, start - back), stop) if self._keys[i] not in hidden]
            return Slice(bodies, self._keys[stop - 1] if stop < high else None, total)
