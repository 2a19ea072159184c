"""A table of another database: finding it and its columns, the order of its rows, its values as the API writes them.

Names that reach a query come from the database's own catalogue and are quoted by SQLAlchemy.

Every row is either dated (its version column is a moment that ranges can reach) or undated: the two
conditions are complements, so that no row is in neither.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import ColumnElement, types
from sqlalchemy.dialects import mssql, mysql, oracle, postgresql
from sqlalchemy.engine import Connection
from sqlalchemy.exc import NoSuchTableError

from onestop.clock import STAMP
from onestop.errors import ConfigurationError, DataRefused
from onestop.sources.sql_values import Values

FLOOR, CEILING = "19700101000000", "99990101000000"  # systems write 1900-01-01 and 9999-12-31 for "no date"
_NUMBERS = (types.Integer, types.Numeric, types.Float)
_PLAIN_TYPES = (types.String, *_NUMBERS, types.Boolean, types.Date, types.DateTime, types.JSON)
_UTC_TYPES = (mysql.TIMESTAMP,)  # the session's time zone is UTC
_SERVER_MOMENT, _SERVER_TIME = mssql.DATETIMEOFFSET(6), mssql.DATETIME2(6)  # type: ignore[no-untyped-call]
_MYSQL_COLUMNS = sa.text(
    "select column_name, data_type from information_schema.columns"
    " where table_schema = coalesce(:schema, database()) and table_name = :name order by ordinal_position"
)
_MYSQL_TABLE = sa.text(
    "select 1 from information_schema.tables where table_schema = coalesce(:schema, database()) and table_name = :name"
)
Record = dict[str, Any]


class UnreadableBytesError(ValueError):
    """A binary value that is not UTF-8."""


@dataclass(frozen=True)
class Found:
    """A table as its database describes it: its own name, schema, and columns with their types."""

    name: str
    schema: str | None
    columns: Mapping[str, types.TypeEngine[Any]]


def find_table(connection: Connection, source_id: str, table: str) -> Found:
    """The table or view of that name (`name` or `schema.name`); without regard to case if none is written so exactly.

    Raises:
        ConfigurationError: there is none that the user may see.
    """
    for schema, name in _candidates(connection, table):
        columns = _columns(connection, name, schema)
        if columns:
            return Found(name, schema, columns)
    raise ConfigurationError(
        f"source {source_id}: there is no table or view {table!r} that the DSN's user may see",
        next_step="write table as name or schema.name, as the database shows it, and grant select on it",
    )


def _candidates(connection: Connection, table: str) -> Iterator[tuple[str | None, str]]:
    """Schemas and names that could be meant: first as written, then those that differ in case only."""
    schema, _, name = table.rpartition(".")
    inspector = sa.inspect(connection)
    places: list[str | None] = [schema or inspector.default_schema_name]
    if places == [None]:
        return  # a MySQL DSN without a database
    yield schema or None, name
    if schema:
        places = [s for s in inspector.get_schema_names() if s.casefold() == schema.casefold()]
    for place in places:
        names = [*inspector.get_table_names(place), *inspector.get_view_names(place)]
        if connection.dialect.name == "postgresql":
            names += inspector.get_materialized_view_names(place)
        yield from ((place, n) for n in names if n.casefold() == name.casefold())


def _columns(connection: Connection, name: str, schema: str | None) -> dict[str, types.TypeEngine[Any]]:
    if connection.dialect.name == "mysql":
        return _mysql_columns(connection, name, schema)
    try:
        described = sa.inspect(connection).get_columns(name, schema)
    except NoSuchTableError:
        return {}
    return {column["name"]: _base(column["type"]) for column in described}


def _mysql_columns(connection: Connection, name: str, schema: str | None) -> dict[str, types.TypeEngine[Any]]:
    """Columns by the information schema: SHOW CREATE TABLE wants more rights on a view than select."""
    place = {"schema": schema, "name": name}
    rows = connection.execute(_MYSQL_COLUMNS, place)
    known: Mapping[str, type[types.TypeEngine[Any]]] = getattr(connection.dialect, "ischema_names", {})
    found: dict[str, types.TypeEngine[Any]] = {}
    for name_found, said in rows:
        column, kind = str(name_found), said.decode() if isinstance(said, bytes) else str(said)
        found[column] = types.String() if kind in ("enum", "set") else known.get(kind.lower(), types.NullType)()
    if not found and connection.execute(_MYSQL_TABLE, place).first():
        # The catalogue leaves out a view that cannot be read; asking for its rows says why.
        connection.execute(sa.select(sa.literal(1)).select_from(sa.table(name, schema=schema)).limit(1))
    return found


def _base(kind: types.TypeEngine[Any]) -> types.TypeEngine[Any]:
    while isinstance(kind, postgresql.DOMAIN):
        kind = kind.data_type
    return types.String() if isinstance(kind, postgresql.CITEXT | types.Enum) else kind


class DossierTable:
    """How to ask a table for its dossiers.

    Args:
        fields: the record's field names; columns are matched to them without regard to case.
        required: of these a column must exist.
        lists: of these the value is a list, native or as JSON text.
        key, version: the fields whose columns give the order of the rows.
        zone: local time of the province.

    Raises:
        DataRefused: a required column is missing, a name is ambiguous, or the version's type is no time.
    """

    def __init__(
        self,
        found: Found,
        source_id: str,
        dialect: str,
        *,
        fields: Sequence[str],
        required: Iterable[str],
        lists: Iterable[str],
        key: str,
        version: str,
        zone: ZoneInfo,
    ) -> None:
        self._dialect = dialect
        self._zone = zone
        matched = _match(found, fields, set(required), source_id)
        others = [
            name
            for name, kind in found.columns.items()
            if name not in matched.values() and isinstance(kind, _PLAIN_TYPES)
        ]
        columns = {name: sa.column(name, kind) for name, kind in found.columns.items()}
        table = sa.table(found.name, *columns.values(), schema=found.schema)
        self.names = [*matched, *others]
        self._empty = dict.fromkeys(fields)
        values, listed = Values(zone), set(lists)
        self._changes: list[tuple[str, Callable[[Any], Any]]] = []
        for name in self.names:
            kind = found.columns[matched.get(name, name)]
            if name in listed:
                self._changes.append((name, values.as_list))
            elif isinstance(kind, _UTC_TYPES):
                self._changes.append((name, values.utc))
            elif not isinstance(kind, types.String):
                self._changes.append((name, values.plain))
        version_column = table.c[matched[version]]
        self._kind = _kind_of(version_column.type)
        if self._kind is None:
            raise DataRefused(
                f"source {source_id}, table {found.name}: {version} has the type {version_column.type!r}, which is "
                "neither text nor a time nor a number",
                next_step="offer a view in which it is one of them",
            )
        self._version_type = version_column.type
        self._stamp = self._stamp_key(version_column)
        self._code = self._code_key(table.c[matched[key]])
        self._order = (self._stamp.label("stamp_key"), self._code.label("code_key"))
        self._select = sa.select(
            *(table.c[matched.get(name, name)].label(f"v{place}") for place, name in enumerate(self.names)),
            *self._order,
        )

    def dated(self, first: str, last: str, after: Sequence[Any] | None, limit: int) -> sa.Select[Any]:
        """Up to `limit` rows with a version in [first, last), behind the keys `after`, in the order of their keys."""
        stamp, code = self._stamp, self._code
        query = self._select.where(
            stamp >= self._bound(max(first, FLOOR)), stamp < self._bound(min(last, CEILING)), *self._well_formed()
        )
        if after is not None:
            query = query.where(
                stamp >= after[0], sa.or_(stamp > after[0], sa.and_(stamp == after[0], code > after[1]))
            )
        return query.order_by(*self._order).limit(limit)

    def undated(self, after: Sequence[Any] | None, limit: int) -> sa.Select[Any]:
        """Up to `limit` rows that no range reaches, behind the keys `after`, in the order of their codes."""
        stamp, code = self._stamp, self._code
        lost = [stamp.is_(None), stamp < self._bound(FLOOR), stamp >= self._bound(CEILING)]
        query = self._select.where(sa.or_(*lost, *(sa.not_(good) for good in self._well_formed())))
        if after is not None:
            query = query.where(code > after[1])
        return query.order_by(self._order[1]).limit(limit)

    def record(self, row: Sequence[Any]) -> Record:
        """A row of these queries as the API delivers it.

        Raises:
            UnreadableBytesError: a binary value is not UTF-8; the text names its field.
        """
        record = self._empty | dict(zip(self.names, row, strict=False))  # the keys stand behind the values
        for name, change in self._changes:
            value = record[name]
            if value is not None:
                try:
                    record[name] = change(value)
                except UnicodeDecodeError:
                    raise UnreadableBytesError(name) from None
        return record

    def _bound(self, stamp: str) -> Any:
        """A stamp as the version column's own type of value."""
        if self._kind == "text":
            return stamp
        if self._kind == "number":
            return int(stamp)
        moment = datetime.strptime(stamp, STAMP)  # noqa: DTZ007  (local time, as the stamps are)
        if self._kind == "date":  # the first day whose midnight is not earlier
            return (moment + timedelta(days=1, microseconds=-1)).date()
        if self._kind == "moment":
            return moment.replace(tzinfo=self._zone)
        if isinstance(self._version_type, _UTC_TYPES):
            return moment.replace(tzinfo=self._zone).astimezone(UTC).replace(tzinfo=None)
        return moment

    def _well_formed(self) -> list[ColumnElement[bool]]:
        if self._kind != "text":
            return []
        if self._dialect == "mssql":
            return [sa.collate(self._stamp, "Latin1_General_BIN2").like("[0-9]" * 14)]
        if self._dialect == "postgresql":  # a nondeterministic collation allows no pattern
            return [sa.collate(self._stamp, "C").regexp_match("^[0-9]{14}$")]
        return [self._stamp.regexp_match("^[0-9]{14}$")]

    def _stamp_key(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """What the version is ordered by: exact in Python, and equal there where it is equal in the database.

        Texts are compared as the column's collation does it: every collation orders 14 ASCII digits alike.
        """
        if isinstance(column.type, types.CHAR | types.NCHAR):
            return sa.func.rtrim(column, type_=types.String())
        if isinstance(column.type, types.Float):
            return sa.cast(column, types.Numeric(24, 4))
        if self._kind in ("time", "moment") and self._dialect == "mssql":  # Python's times end at microseconds
            return sa.cast(column, _SERVER_MOMENT if self._kind == "moment" else _SERVER_TIME)
        return column

    def _code_key(self, column: ColumnElement[Any]) -> ColumnElement[Any]:
        """What the key is ordered by: bytes, since a collation may take different codes for equal."""
        if self._dialect == "postgresql":
            if isinstance(column.type, types.LargeBinary):
                return sa.func.coalesce(column, sa.literal_column("''::bytea"), type_=column.type)
            text = column if isinstance(column.type, types.Text | types.VARCHAR) else sa.cast(column, types.Text())
            return sa.func.coalesce(sa.collate(text, "C"), sa.literal_column("''"), type_=types.String())
        if self._dialect == "mysql":
            return sa.func.coalesce(sa.cast(column, types.BINARY()), sa.literal_column("x''"), type_=types.BINARY())
        if self._dialect == "mssql":
            raw = sa.cast(sa.cast(column, types.NVARCHAR(4000)), types.VARBINARY(8000))
            return sa.func.coalesce(raw, sa.literal_column("0x"), type_=types.VARBINARY())
        order = sa.func.nlssort(
            sa.cast(column, types.VARCHAR(4000)), sa.literal_column("'NLS_SORT=BINARY'"), type_=oracle.RAW()
        )
        return sa.func.coalesce(order, sa.literal_column("hextoraw('00')"), type_=oracle.RAW())


def _match(found: Found, fields: Sequence[str], required: set[str], source_id: str) -> dict[str, str]:
    """Field -> column, for the fields that have one."""
    matched: dict[str, str] = {}
    for field in fields:
        same = [name for name in found.columns if name.casefold() == field.casefold()]
        if len(same) > 1 and field not in same:
            raise DataRefused(
                f"source {source_id}, table {found.name}: {', '.join(sorted(same))} are all columns for {field}",
                next_step=f"offer a view in which one column is called {field}",
            )
        if same:
            matched[field] = field if field in same else same[0]
    missing = [field for field in fields if field in required and field not in matched]
    if missing:
        raise DataRefused(
            f"source {source_id}, table {found.name}: required columns are missing: {', '.join(missing)}; "
            f"found: {', '.join(found.columns)}",
            next_step="offer a view with the contract's column names, or correct table in province.yml",
        )
    return matched


def _kind_of(kind: types.TypeEngine[Any]) -> Literal["text", "number", "date", "time", "moment"] | None:
    """What a version column holds; None: nothing that can be ordered by time."""
    if isinstance(kind, types.String):
        return "text"
    if isinstance(kind, types.DateTime):  # Oracle's DATE, which has a time of day, is one too
        if getattr(kind, "timezone", False) or getattr(kind, "local_timezone", False):
            return "moment"
        return "moment" if isinstance(kind, mssql.DATETIMEOFFSET) else "time"
    if isinstance(kind, types.Date):
        return "date"
    return "number" if isinstance(kind, _NUMBERS) else None
