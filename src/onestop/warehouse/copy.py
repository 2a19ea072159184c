"""COPY: columns of text into a table, as fast as PostgreSQL takes them, and beside what comes next."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.csv as pacsv
from psycopg import sql

_CSV = pacsv.WriteOptions(include_header=False, quoting_style="needed")


def copy_columns(cursor: psycopg.Cursor[object], schema: str, table: str, columns: Mapping[str, pa.Array]) -> int:
    """Append rows given as columns (text, numbers or booleans; null is NULL, empty text stays text).

    Returns:
        the number of rows written.
    """
    rows = pa.table(dict(columns))
    buffer = pa.BufferOutputStream()
    pacsv.write_csv(rows, buffer, _CSV)
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(
        sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cursor.copy(statement) as copy:
        copy.write(memoryview(buffer.getvalue()))
    return int(rows.num_rows)


class Copies:
    """The COPYs of one load. Inside `beside` a thread does them, while the caller prepares what comes next."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[int] | None = None

    def start(self, cursor: psycopg.Cursor[object], schema: str, table: str, columns: Mapping[str, pa.Array]) -> None:
        """`copy_columns`; until `wait` nobody else may use the connection."""
        self.wait()
        if self._pool is None:
            copy_columns(cursor, schema, table, columns)
        else:
            self._running = self._pool.submit(copy_columns, cursor.connection.cursor(), schema, table, columns)

    def wait(self) -> None:
        """Until the last one is done. Raises what it raised."""
        running, self._running = self._running, None
        if running:
            running.result()

    @contextmanager
    def beside(self) -> Generator[None, None, None]:
        """When the block is left, however it is, the connection is free again."""
        with ThreadPoolExecutor(1, "copy") as self._pool:
            try:
                yield
                self.wait()
            finally:
                self._pool = self._running = None


def bytea(values: Sequence[bytes]) -> pa.Array:
    """Binary values of one length, of which there are some, as text that PostgreSQL reads."""
    size = 2 * len(values[0])
    written = np.full((len(values), 2 + size), ord("x"), np.uint8)
    written[:, 0] = ord("\\")
    written[:, 2:] = np.frombuffer(b"".join(values).hex().encode(), np.uint8).reshape(-1, size)
    ends = np.arange(len(values) + 1, dtype=np.int32) * (2 + size)
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(written))
