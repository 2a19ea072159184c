"""A one-stop system whose dossiers lie in a table of a database: contracts/one_stop_sql.md, in several looks.

Writes into a database that is there already. As in real systems a column is quoted mixed case or lower case, text or of
the database's own types; in such a column a value that its type cannot hold is null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice
from typing import Any, Literal
from zoneinfo import ZoneInfo

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from onestop.errors import ConfigurationError
from onestop.sandbox.feed import Record

Dossier = Record | bytes | Mapping[str, Any]
LISTS = ("DanhSachHoSoBoSung", "DanhSachXinLoi", "DanhSachLePhi")
MOMENTS = (
    "NgayNopHoSo",
    "NgayTiepNhan",
    "NgayHenTraBanDau",
    "NgayHenTra",
    "NgayKetThucXuLy",
    "NgayTra",
    "NgayTuChoi",
    "NgayDanhGia",
    "NgayCapNhat",
)
NUMBERS = ("KenhThucHien", "MucDo", "NoiNopHoSo", "LoaiDoiTuong", "LoaiDinhDanh", "TrangThaiHoSo", "MucDoHaiLong")
FLAGS = (
    "HoSoCoThanhPhanSoHoa",
    "DuocTaiSuDung",
    "KetQuaDienTu",
    "TaiKhoanDuocXacThucVoiVNeID",
    "ChungThucBanSaoDienTu",
    "LaHoSoThuNghiem",
    "DaXoa",
)
SHORT = {"MaHoSo": 60, "MaHoSoKhac": 60, "MaTTHC": 60, "DonViXuLy": 60, "NgayCapNhat": 60}
FIELDS = (
    *("MaHoSo", "MaHoSoKhac", "MaTTHC", "TenTTHC", "MaLinhVuc", "TenLinhVuc", "KenhThucHien", "MucDo", "NoiNopHoSo"),
    *("DonViTiepNhan", "DonViXuLy", "LoaiDoiTuong", "ChuHoSo", "LoaiDinhDanh", "SoDinhDanh", "SoDienThoai", "Email"),
    *("DiaChi", "TrichYeuHoSo", "NgayNopHoSo", "NgayTiepNhan", "NgayHenTraBanDau", "NgayHenTra", "NgayKetThucXuLy"),
    *("NgayTra", "NgayTuChoi", "TrangThaiHoSo", *LISTS, "HoSoCoThanhPhanSoHoa", "DuocTaiSuDung", "KetQuaDienTu"),
    *("TaiKhoanDuocXacThucVoiVNeID", "ChungThucBanSaoDienTu", "MucDoHaiLong", "NgayDanhGia", "LaHoSoThuNghiem"),
    *("LoaiDuLieuKetNoi", "DaXoa", "NgayCapNhat"),
)
ROWS_AT_ONCE = 2000
_DRIVERS = {"postgresql": "postgresql+psycopg", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}


@dataclass(frozen=True)
class Look:
    """How the table shows the dossiers.

    Attributes:
        columns: `mixed` writes names as the API does, which needs quotes in most databases.
        moments: `text` of 14 digits; `time` without an offset; `moment` with one (UTC inside); `number` of 14 digits.
        numbers: whether codes that are digits are numbers, and flags booleans.
        lists: as text, or the database's JSON.
        rows: one per dossier in its present state, or one per version.
    """

    columns: Literal["mixed", "lower"] = "mixed"
    moments: Literal["text", "time", "moment", "number"] = "text"
    numbers: bool = False
    lists: Literal["text", "json"] = "text"
    rows: Literal["present", "versions"] = "versions"


@dataclass(frozen=True)
class Written:
    """How many rows were written, and how many values are null because their column could not hold them."""

    rows: int
    lost_values: int


def write_table(
    dsn: str,
    records: Iterable[Dossier],
    table: str = "dossiers",
    *,
    look: Look | None = None,
    zone: tzinfo = ZoneInfo("Asia/Ho_Chi_Minh"),  # noqa: B008  (immutable)
) -> Written:
    """Make the table (`name` or `schema.name`, the schema being there) anew and fill it.

    Args:
        dsn: an SQLAlchemy URL of a PostgreSQL, MariaDB or MySQL database.
        records: dossiers in any order; of two with one MaHoSo and NgayCapNhat the later one counts as newer.
        zone: what the records' local times are in.

    Raises:
        ConfigurationError: the DSN is none, or the database refuses.
    """
    look = look or Look()
    engine = _engine(dsn)
    target = _table(table, look)
    cells = {field: _cell(field, look, zone) for field in FIELDS}
    rows = lost = 0
    try:
        with engine.begin() as connection:
            if connection.dialect.name == "mysql":
                connection.exec_driver_sql("SET SESSION time_zone = '+00:00'")
            target.drop(connection, checkfirst=True)
            target.create(connection)
            pending = _chosen(records, look)
            while chunk := list(islice(pending, ROWS_AT_ONCE)):
                filled = [{f"b_{field}": cells[field](record.get(field)) for field in FIELDS} for record in chunk]
                lost += sum(
                    row[f"b_{field}"] is None and record.get(field) not in (None, "", [])
                    for row, record in zip(filled, chunk, strict=True)
                    for field in FIELDS
                )
                connection.execute(
                    target.insert().values({c: sa.bindparam(f"b_{f}") for f, c in zip(FIELDS, target.c, strict=True)}),
                    filled,
                )
                rows += len(chunk)
    except SQLAlchemyError as problem:
        raise ConfigurationError(
            f"the sandbox cannot write the table {table}: {type(getattr(problem, 'orig', None) or problem).__name__}",
            next_step="check that the database runs, and that its user may create tables there",
        ) from None
    return Written(rows, lost)


def _engine(dsn: str) -> sa.Engine:
    try:
        url = sa.make_url(dsn)
        url = url.set(drivername=_DRIVERS[url.get_backend_name()])
        return sa.create_engine(url, poolclass=NullPool, hide_parameters=True)
    except (ArgumentError, KeyError, ValueError, ImportError):
        raise ConfigurationError(
            "the sandbox's database is not an SQLAlchemy URL that it can use",
            next_step="give one of PostgreSQL, MariaDB or MySQL, whose driver is installed",
        ) from None


def _table(name: str, look: Look) -> sa.Table:
    schema, _, bare = name.rpartition(".")
    columns = [
        sa.Column(field if look.columns == "mixed" else field.lower(), _type(field, look), key=field)
        for field in FIELDS
    ]
    table = sa.Table(bare, sa.MetaData(), *columns, schema=schema or None)
    sa.Index(f"{bare}_by_change", table.c.NgayCapNhat, table.c.MaHoSo)
    return table


def _type(field: str, look: Look) -> sa.types.TypeEngine[Any]:
    if field in MOMENTS and look.moments != "text":
        if look.moments == "number":
            return sa.BigInteger()
        timed = look.moments == "moment"
        return sa.DateTime(timezone=timed).with_variant(mysql.TIMESTAMP() if timed else mysql.DATETIME(), "mysql")
    if look.numbers and field in NUMBERS:
        return sa.Numeric(4, 0)
    if look.numbers and field in FLAGS:
        return sa.Boolean()
    if field in LISTS and look.lists == "json":
        return sa.JSON(none_as_null=True)
    return sa.String(SHORT[field]) if field in SHORT else sa.Text()


def _chosen(records: Iterable[Dossier], look: Look) -> Iterator[Mapping[str, Any]]:
    contents = (_content(record) for record in records)
    if look.rows == "versions":
        yield from contents
        return
    newest: dict[str, Mapping[str, Any]] = {}
    for content in contents:
        code = str(content.get("MaHoSo") or "")
        known = newest.get(code)
        if known is None or str(known.get("NgayCapNhat") or "") <= str(content.get("NgayCapNhat") or ""):
            newest[code] = content
    yield from newest.values()


def _content(record: Dossier) -> Mapping[str, Any]:
    if isinstance(record, Mapping):
        return record
    content: Mapping[str, Any] = orjson.loads(record.body if isinstance(record, Record) else record)
    return content


def _cell(field: str, look: Look, zone: tzinfo) -> Callable[[Any], Any]:
    """What makes a delivered value one of the field's column; None where that cannot hold it."""
    if field in MOMENTS and look.moments == "number":
        return lambda value: int(value) if _digits(value) else None
    if field in MOMENTS and look.moments != "text":
        return lambda value: _moment(value, zone if look.moments == "moment" else None)
    if look.numbers and field in NUMBERS:
        return lambda value: int(value) if _digits(value) and len(value) <= 4 else None
    if look.numbers and field in FLAGS:
        return lambda value: {"1": True, "0": False}.get(value)
    if field in LISTS and look.lists == "json":
        return lambda value: value
    return _text


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return orjson.dumps(value).decode()


def _digits(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdigit()


def _moment(value: Any, zone: tzinfo | None) -> datetime | None:
    try:
        moment = datetime.strptime(value, "%Y%m%d%H%M%S")  # noqa: DTZ007  (the zone is added below)
    except (TypeError, ValueError):
        return None
    if zone is None:
        return moment
    return moment.replace(tzinfo=zone).astimezone(UTC) if 1971 <= moment.year <= 2037 else None  # MariaDB's range
