"""Notes of every run of a source whether the source could be read: what its uptime is counted from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import psycopg

from onestop.errors import DataRefused, SourceUnavailable, WindowClosed

Connection = psycopg.Connection[tuple[object, ...]]


@contextmanager
def noted_run(connection: Connection, source_id: str, as_of: datetime, *, asks: bool = True) -> Iterator[None]:
    """Keep in ops.source_run how the block ended; of a replay (not `asks`) nothing is kept.

    Refused data reached us. Wrong credentials, a closed window, a full disk or a database that is down are no fault of
    the source: such runs are not noted.
    """
    reached: bool | None = None
    try:
        yield
        reached = True
    except WindowClosed:
        raise
    except DataRefused:
        reached = True
        raise
    except SourceUnavailable:
        reached = False
        raise
    finally:
        if asks and reached is not None:
            connection.execute(
                "insert into ops.source_run (source_id, at, reached) values (%s, %s, %s)", [source_id, as_of, reached]
            )
