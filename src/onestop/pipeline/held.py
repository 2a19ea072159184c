"""Which contents a file has shown so far: 16 bytes a row and nothing beside, since a file has millions of rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Mask = npt.NDArray[np.bool_]
_CONTENT = np.dtype([("first", "<u8"), ("last", "<u8")])


class Held:
    """Content hashes of 16 bytes, ordered by their first half."""

    def __init__(self) -> None:
        self._known = np.empty(0, _CONTENT)

    def add(self, contents: Sequence[bytes]) -> Mask:
        """Keep some more. Returns which of them were there before, or stand before among them."""
        shown = np.frombuffer(b"".join(contents), _CONTENT)
        order = np.argsort(shown["first"], kind="stable")
        ordered = shown[order]
        firsts = ordered["first"]
        places = np.searchsorted(self._known["first"], firsts)
        twin = np.zeros(len(shown), dtype=bool)
        twin[1:] = firsts[1:] == firsts[:-1]
        twin[:-1] |= twin[1:]
        if len(self._known):
            twin |= self._known["first"][np.minimum(places, len(self._known) - 1)] == firsts
        before = np.zeros(len(shown), dtype=bool)
        if twin.any():
            doubtful = ordered[twin]
            stored = {one.tobytes() for one in self._known[np.isin(self._known["first"], doubtful["first"])]}
            for place in np.sort(order[twin]).tolist():
                before[place] = contents[place] in stored
                stored.add(contents[place])
        self._known = np.insert(self._known, places, ordered)
        return before
