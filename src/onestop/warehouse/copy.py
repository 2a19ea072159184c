"""COPY: columns of text into a table, as fast as PostgreSQL takes them."""

from __future__ import annotations

from collections.abc import Mapping

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
