"""A file while it is landed: whoever reads it ahead waits for what has not come yet."""

from __future__ import annotations

import threading

from onestop.landing.store import LandedContent, LandedPage, LandingRun


class ArrivingContent(LandedContent):
    """The pages of a run that grows. Close it once no more come: who still waits gets what there is.

    Args:
        size: how many bytes there will be.
    """

    def __init__(self, run: LandingRun, size: int) -> None:
        super().__init__(run)
        self._expected = size
        self._is_over = False
        self._turn = threading.Condition()

    @property
    def size(self) -> int:
        """How many bytes there will be."""
        return self._expected

    def add(self, page: LandedPage, body: bytes) -> None:
        """The next page, which is landed."""
        with self._turn:
            self._pages.append(page)
            self._ends.append(self._landed + page.size)
            self._at_hand = len(self._pages) - 1, body
            self._turn.notify_all()

    def read(self, at: int, size: int) -> bytes:
        """See LandedContent."""
        with self._turn:
            self._turn.wait_for(lambda: self._is_over or self._landed >= min(at + size, self._expected))
        return super().read(at, size)

    def close(self) -> None:
        """No more come."""
        with self._turn:
            self._is_over = True
            self._turn.notify_all()
