"""COPY: columns of text into a table, as fast as PostgreSQL takes them, and beside what comes next."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
from psycopg import sql

_QUOTED = pacsv.WriteOptions(include_header=False, quoting_style="needed")
_BARE = pacsv.WriteOptions(include_header=False, quoting_style="none", delimiter="\t")
_ESCAPE = b"\\"


def copy_columns(cursor: psycopg.Cursor[object], schema: str, table: str, columns: Mapping[str, pa.Array]) -> int:
    """Append rows given as columns (text, `bytea`, numbers or booleans; null is NULL, empty text stays text).

    Returns:
        the number of rows written.
    """
    return _copied(cursor, _statement(schema, table, columns), *_written(columns))


def _statement(schema: str, table: str, columns: Iterable[str]) -> sql.Composed:
    return sql.SQL("copy {} ({}) from stdin ").format(
        sql.Identifier(schema, table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )


def _copied(cursor: psycopg.Cursor[object], statement: sql.Composed, form: sql.SQL, rows: pa.Buffer) -> int:
    with cursor.copy(statement + form) as copy:
        copy.write(memoryview(rows))
    return cursor.rowcount


def _written(columns: Mapping[str, pa.Array]) -> tuple[sql.SQL, pa.Buffer]:
    """Rows as PostgreSQL reads them fastest: bare text where no value holds a sign that means something in it."""
    is_bare = not any(_has_empty(column) for column in columns.values() if pa.types.is_string(column.type))
    try:
        rows = _text(columns, _ESCAPE + _ESCAPE, _BARE) if is_bare else None
    except pa.ArrowInvalid:  # a tab, a line's end or a quotation mark
        rows = None
    if rows is not None:
        hexed = sum(2 * len(column) for column in columns.values() if pa.types.is_fixed_size_binary(column.type))
        if np.count_nonzero(np.frombuffer(rows, np.uint8) == ord(_ESCAPE)) == hexed:
            return sql.SQL("(format text, null '')"), rows
    return sql.SQL("(format csv)"), _text(columns, _ESCAPE, _QUOTED)


def _text(columns: Mapping[str, pa.Array], escape: bytes, options: pacsv.WriteOptions) -> pa.Buffer:
    shown = {
        name: _hexed(column, escape) if pa.types.is_fixed_size_binary(column.type) else column
        for name, column in columns.items()
    }
    buffer = pa.BufferOutputStream()
    pacsv.write_csv(pa.table(shown), buffer, options)
    return buffer.getvalue()


def _has_empty(column: pa.Array) -> bool:
    return bool(pc.min(pc.binary_length(column)).as_py() == 0)


class Copies:
    """The COPYs of one load. Inside `beside` a thread does them, while the caller prepares what comes next."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._running: Future[int] | None = None

    def start(self, cursor: psycopg.Cursor[object], schema: str, table: str, columns: Mapping[str, pa.Array]) -> None:
        """`copy_columns`; until `wait` nobody else may use the connection. Of two, one is written out while one runs."""
        written = _written(columns)
        self.wait()
        if self._pool is None:
            _copied(cursor, _statement(schema, table, columns), *written)
        else:
            statement = _statement(schema, table, columns)
            self._running = self._pool.submit(_copied, cursor.connection.cursor(), statement, *written)

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
    """Binary values of one length, of which there are some, as a column."""
    return pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(len(values[0])), len(values), [None, pa.py_buffer(b"".join(values))]
    )


def _hexed(values: pa.FixedSizeBinaryArray, escape: bytes) -> pa.Array:
    """As text that PostgreSQL reads: `escape`, x and hex digits."""
    mark, width = escape + b"x", values.type.byte_width
    size = len(mark) + 2 * width
    digits = values.buffers()[1].slice(values.offset * width, len(values) * width).hex()
    written = np.empty((len(values), size), np.uint8)
    written[:, : len(mark)] = np.frombuffer(mark, np.uint8)
    written[:, len(mark) :] = np.frombuffer(digits, np.uint8).reshape(len(values), -1)
    ends = np.arange(len(values) + 1, dtype=np.int32) * size
    return pa.StringArray.from_buffers(len(values), pa.py_buffer(ends), pa.py_buffer(written))
