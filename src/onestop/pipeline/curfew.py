"""Keeps a run inside the hours in which its source may be asked (`window` in province.yml), by the machine's clock.

A run outside of them asks nothing. One that is still pulling when they end stops asking and fails whole, since a run
loads all or nothing (docs/adr/0002): the cursor stays, the next run asks for the same range.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from datetime import datetime
from zoneinfo import ZoneInfo

from onestop.clock import system_now
from onestop.config import Source
from onestop.errors import SourceUnavailable, WindowClosed
from onestop.sources.one_stop_api import Page


class Curfew:
    """The window of a source, watched during one run.

    Args:
        ignored: somebody asked for the run outside of the window, too.
        now: the clock. Not as-of: the load that a source bears is one of real hours.
    """

    def __init__(
        self, source: Source, zone: ZoneInfo, *, ignored: bool = False, now: Callable[[], datetime] | None = None
    ) -> None:
        self._id = source.id
        self._window = None if ignored else source.window
        self._zone = zone
        self._now = now or system_now
        self._closes = self._window.closes(self._now(), zone) if self._window else None

    def check_open(self) -> None:
        """Before anything is asked. Raises WindowClosed."""
        now = self._now()
        if self._window and not self._window.is_open(now, self._zone):
            raise WindowClosed(
                f"{self._id} may be asked from {self._window} only, local time; now it is"
                f" {now.astimezone(self._zone):%H:%M}. Nothing was asked",
                next_step="leave it to the next run inside that time, or start it with --ignore-window"
                " (in Airflow: ignore_window)",
                was_asked=False,
            )

    @property
    def is_over(self) -> bool:
        """Whether the window in which the run began has ended."""
        return self._closes is not None and self._now() >= self._closes

    def end(self) -> WindowClosed:
        """The error of a run that the window's end has stopped."""
        return WindowClosed(
            f"{self._id} may be asked from {self._window} only, local time; the run was not done by then and stopped asking",
            next_step="nothing of what it was pulling was loaded, and the next run asks for it again. If it never gets"
            " done: begin earlier (`every`), widen `window`, or start it once with --ignore-window",
        )

    def guarded(self, pages: Iterator[Page], stop: Callable[[], None]) -> Generator[Page, None, None]:
        """The pages, until the window ends: then `stop` ends the request under way.

        Raises:
            WindowClosed: the window ended before the pages did.
        """
        if self._closes is None:
            yield from pages
            return
        rung = threading.Event()

        def ring() -> None:
            rung.set()
            stop()

        timer = threading.Timer(max(0.0, (self._closes - self._now()).total_seconds()), ring)
        timer.daemon = True
        timer.start()
        try:
            yield from pages
        except SourceUnavailable:
            if rung.is_set():
                raise self.end() from None
            raise
        finally:
            timer.cancel()
