"""A warehouse that fails in the middle of a step: its words turned into what a person can do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from onestop.errors import WarehouseUnavailable


@contextmanager
def explained(step: str) -> Iterator[None]:
    """Turn a broken connection, a stopped server or a full disk into WarehouseUnavailable.

    Args:
        step: what was under way, for the message.
    """
    try:
        yield
    except psycopg.errors.DiskFull:
        raise WarehouseUnavailable(
            f"{step}: the warehouse's disk is full; nothing of this step was kept",
            next_step="make room on the database server, then run again",
        ) from None
    except (psycopg.OperationalError, psycopg.InterfaceError) as problem:
        # Only the first line: the lines after it can quote rows.
        said = problem.diag.message_primary or (str(problem).splitlines() or ["no reason given"])[0]
        raise WarehouseUnavailable(
            f"{step}: the warehouse broke off ({said}); nothing of this step was kept",
            next_step="look whether the database server is up, then run again",
        ) from None
