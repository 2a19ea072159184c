"""Python's garbage collector while millions of values pass: it looks for cycles among them again and again, and finds none."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def quiet_collector() -> Generator[Callable[[], object], None, None]:
    """Cycles are only looked for when the block asks for it, by calling what it gets: after each chunk.

    What was there before (the libraries) is left out of it: that is most of the work.
    """
    was_on = gc.isenabled()
    gc.freeze()
    gc.disable()
    try:
        yield gc.collect
    finally:
        gc.unfreeze()
        if was_on:
            gc.enable()
