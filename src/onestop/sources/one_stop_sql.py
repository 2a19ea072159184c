"""The connector of one-stop systems whose dossiers lie in a table or a view of another database.

Its pages look like those of one_stop_api, so that landing, replay and judging are the same. Rows are
read in ranges of keys, each with a server cursor in a read-only transaction of its own that ends before its
pages are handed on: nothing stays open at the source while the warehouse works, and a range
that broke off is read again from the last key.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from onestop.errors import ConfigurationError, DataRefused
from onestop.sources.pacing import Pace
from onestop.sources.paging import Feed, Page, Record, parse_page
from onestop.sources.retries import AttemptError, Retries
from onestop.sources.sql_database import DEADLINE_FACTOR, Database, Line
from onestop.sources.sql_faults import explain
from onestop.sources.sql_table import DossierTable, UnreadableBytesError, find_table
from onestop.specs import load_spec

__all__ = ["OneStopSql", "Page", "parse_page"]

log = logging.getLogger(__name__)

ROWS_AT_ONCE = 20_000  # the most rows of one range in memory
ROWS_OF_ONE_KEY = 200_000
_STREAMED = {"stream_results": True, "max_row_buffer": 1000}
T = TypeVar("T")
Row = Sequence[Any]
Query = Callable[[Row | None, int], sa.Select[Any]]


class OneStopSql:
    """Reads one source of the kind one_stop_sql.

    Args:
        source_id: named in messages.
        dsn: an SQLAlchemy URL; neither it nor its password appears in a message.
        table: `name` or `schema.name` of a table or a view.
        page_size: rows of a page.
        timeout_seconds: for connecting and for each statement.
        retry_budget_seconds: how long failed attempts and the waits between them may last in one feed.
        requests_per_second: how many queries a second may begin; None: as fast as they go.
        fields: the record's field names. Columns are matched to them without regard to case; a field without
            one is null. Further columns of plain types are delivered under their own names.
        zone: the province's local time; moments with an offset are brought into it.
        sleep: waits that many seconds between tries; by default a wait that `Feed.stop` ends.
        monotonic: measures how long tries last.

    Raises:
        ConfigurationError: the DSN is none, names a database that is not supported, or its driver is missing.
    """

    def __init__(
        self,
        source_id: str,
        dsn: str,
        table: str,
        *,
        page_size: int,
        timeout_seconds: float,
        retry_budget_seconds: float,
        requests_per_second: float | None = None,
        fields: Sequence[str],
        zone: ZoneInfo,
        sleep: Callable[[float], object] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if page_size < 1:
            raise ConfigurationError(f"source {source_id}: page_size is less than 1", next_step="set it to 1000")
        self._id = source_id
        self._database = Database(source_id, dsn, timeout_seconds)
        self._table = table
        self._page_size = page_size
        self._budget = retry_budget_seconds
        self._rate = requests_per_second
        self._fields = tuple(fields)
        self._zone = zone
        self._sleep = sleep
        self._monotonic = monotonic

    def pages(self, updated_from: str, updated_to: str) -> Feed:
        """The pages of the rows whose NgayCapNhat lies in [updated_from, updated_to), by (NgayCapNhat, MaHoSo).

        Rows that no range can reach (NgayCapNhat null, no moment, before 1970 or after 9998) come behind
        them, in every feed, so that the rules can judge them. Memory does not grow with the number of rows.

        Args:
            updated_from, updated_to: yyyyMMddHHmmss in the province's local time.

        Raises:
            ConfigurationError: while reading: the database refuses the user, or has no such table for it.
            DataRefused: while reading: a required column is missing, or a binary value is no text.
            SourceUnavailable: while reading: the retry budget is used up.
        """
        line, stopped = Line(), threading.Event()

        def stop() -> None:
            stopped.set()
            line.cut(for_good=True)

        pace = Pace.of(self._rate, sleep=self._sleep or stopped.wait, monotonic=self._monotonic)
        reader = _Reader(self._database, line, self._table, self._columns, pace)
        retries = Retries(
            self._id, self._budget, sleep=self._sleep or stopped.wait, stopped=stopped, monotonic=self._monotonic
        )
        return Feed(self._pages(reader, retries, updated_from, updated_to), stop)

    def _columns(self, connection: Connection) -> DossierTable:
        spec = load_spec("one_stop_dossier")
        return DossierTable(
            find_table(connection, self._id, self._table),
            self._id,
            connection.dialect.name,
            fields=self._fields,
            required=spec.required,
            lists=[item.field for item in spec.fields if item.kind == "list"],
            key=spec.key,
            version=spec.version,
            zone=self._zone,
        )

    def _pages(self, reader: _Reader, retries: Retries, first: str, last: str) -> Generator[Page, None, None]:
        try:
            table = retries.run("the table's columns", reader.table)
            number, waiting = 0, list[Record]()
            for rows in self._chunks(reader, table, retries, first, last):
                if number:
                    yield _page(number, waiting, str(number + 1))
                number, waiting = number + 1, self._records(table, rows)
            yield _page(max(number, 1), waiting, None)
        finally:
            reader.close()

    def _chunks(
        self, reader: _Reader, table: DossierTable, retries: Retries, first: str, last: str
    ) -> Iterator[list[Row]]:
        """The rows of the feed by pages, the last ones of each part being fewer."""
        yield from self._part(reader, retries, lambda after, limit: table.dated(first, last, after, limit))
        undated = 0
        for rows in self._part(reader, retries, table.undated):
            undated += len(rows)
            yield rows
        if undated:
            log.warning(
                "source %s: %d rows have a NgayCapNhat that no range reaches; they were delivered last",
                self._id,
                undated,
            )

    def _part(self, reader: _Reader, retries: Retries, query: Query) -> Iterator[list[Row]]:
        """The rows of one query by pages, read in ranges that grow while the source is quick."""
        after: Row | None = None
        rest: list[Row] = []
        size, most = self._page_size, max(self._page_size, ROWS_AT_ONCE)
        done = False
        while not done:
            asked_at = self._monotonic()
            rows, done = retries.run(
                f"rows of {self._table}",
                lambda: self._range(reader, query, after, size),  # noqa: B023
            )
            quick = self._monotonic() - asked_at < reader.timeout / 8
            size = min(2 * size, most) if quick else self._page_size
            if rows:
                after = rows[-1][-2:]
            rest += rows
            del rows
            whole = len(rest) if done else len(rest) // self._page_size * self._page_size
            for start in range(0, whole, self._page_size):
                yield rest[start : min(start + self._page_size, whole)]
            rest = rest[whole:]

    def _range(self, reader: _Reader, query: Query, after: Row | None, size: int) -> tuple[list[Row], bool]:
        """About `size` rows behind the key `after`, all rows of a key together, and whether they are the last.

        Keys may be equal (versions without a moment of their own): a range never ends between two of them.
        """
        while True:
            rows = reader.rows(query(after, size + 1))
            if len(rows) <= size:
                return rows, True
            key = rows[-1][-2:]
            keep = len(rows) - 1
            while keep and rows[keep - 1][-2:] == key:
                keep -= 1
            if keep:
                return rows[:keep], False
            if size >= ROWS_OF_ONE_KEY:
                raise DataRefused(
                    f"source {self._id}, table {self._table}: more than {ROWS_OF_ONE_KEY} rows have the same "
                    "NgayCapNhat and MaHoSo",
                    next_step="look whether a view joins rows that it should not",
                )
            size *= 2

    def _records(self, table: DossierTable, rows: list[Row]) -> list[Record]:
        records = []
        for row in rows:
            try:
                records.append(table.record(row))
            except UnreadableBytesError as problem:
                raise DataRefused(
                    f"source {self._id}, table {self._table}: {problem} holds bytes that are not UTF-8 in the row with "
                    f"the key {_readable(row[-1])}",
                    next_step="correct the row at the source, or offer a view that converts the column to text",
                ) from None
        return records


class _Reader:
    """One feed's connection, opened when it is needed, again after a failure.

    Args:
        describe: makes the table's queries from a connection.
    """

    def __init__(
        self,
        database: Database,
        line: Line,
        name: str,
        describe: Callable[[Connection], DossierTable],
        pace: AbstractContextManager[None],
    ) -> None:
        self._database = database
        self._line = line
        self._name = name
        self._describe = describe
        self._pace = pace
        self._connection: Connection | None = None
        self.timeout = database.timeout

    def table(self) -> DossierTable:
        """The table as it is now. Raises as `rows`."""
        return self._in_transaction(self._describe)

    def rows(self, query: sa.Select[Any]) -> list[Row]:
        """All rows of a query, by a server cursor.

        Raises:
            AttemptError: it may succeed another time.
            ConfigurationError: a person must change something.
            DataRefused: a text of the database is not in its own encoding.
        """

        def read(connection: Connection) -> list[Row]:
            with connection.execute(query, execution_options=_STREAMED) as result:
                return [tuple(row) for row in result]

        with self._pace:
            return self._in_transaction(read)

    def close(self) -> None:
        """Close the connection, whatever state it is in."""
        self._line.hold(None)
        if self._connection is not None:
            with suppress(Exception):  # it may be lost already
                self._connection.close()
            self._connection = None

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        try:
            if self._connection is None:
                self._connection = self._database.connect()
            connection = self._connection
            self._line.hold(connection)
            with self._line.deadline(DEADLINE_FACTOR * self.timeout):
                self._database.begin_reading(connection)
                found = work(connection)
                connection.rollback()
        except DBAPIError as problem:
            cut = self._line.was_cut
            self.close()
            raise explain(self._database, f"table {self._name}", problem, cut=cut) from None
        except UnicodeDecodeError:
            self.close()
            raise DataRefused(
                f"source {self._database.source_id}, table {self._name}: a text is not in the database's own encoding",
                next_step="the database must store UTF-8, or name the encoding that it stores",
            ) from None
        except (SQLAlchemyError, OSError) as problem:
            self.close()
            raise AttemptError(f"the reading broke off ({type(problem).__name__})") from None
        except BaseException:
            self.close()
            raise
        self._line.hold(None)
        return found


def _page(number: int, records: list[Record], cursor: str | None) -> Page:
    return Page(number, orjson.dumps({"data": records, "next_cursor": cursor}), records)


def _readable(key: Any) -> str:
    text = key.decode("utf-8", "replace") if isinstance(key, bytes) else str(key)
    return repr(text[:60])
