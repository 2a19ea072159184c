"""A warehouse that fails in the middle of a step: its words turned into what a person can do."""

from __future__ import annotations

import errno
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
    except psycopg.Error as problem:
        fault = fault_of(problem, step)
        if fault is None:
            raise
        raise fault from None


def fault_of(problem: Exception, step: str) -> WarehouseUnavailable | None:
    """What a person is told of a broken connection, a stopped server or a full disk; None: it is something else."""
    if isinstance(problem, OSError) and problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return WarehouseUnavailable(
            f"{step}: the disk is full{f' ({problem.filename})' if problem.filename else ''}; what was committed is safe",
            next_step="make room where the project's folder or its temporary files are, then run again",
        )
    if isinstance(problem, psycopg.errors.DiskFull):
        return WarehouseUnavailable(
            f"{step}: the warehouse's disk is full; nothing of this step was kept",
            next_step="make room on the database server, then run again",
        )
    if isinstance(problem, psycopg.OperationalError | psycopg.InterfaceError):
        # Only the first line: the lines after it can quote rows.
        said = problem.diag.message_primary or (str(problem).splitlines() or ["no reason given"])[0]
        return WarehouseUnavailable(
            f"{step}: the warehouse broke off ({said}); nothing of this step was kept",
            next_step="look whether the database server is up, then run again",
        )
    return None
