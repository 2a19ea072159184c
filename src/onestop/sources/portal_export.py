"""Exports of the national portal in a folder: which files lie there, whether they are settled, which is the later one.

Works on any fsspec file system. Files are only listed and read: never moved, changed or deleted.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from fsspec import AbstractFileSystem

from onestop.errors import DataRefused, SourceUnavailable
from onestop.sources.portal_columns import LAYOUTS
from onestop.sources.spreadsheet import FileRefused, Limits

ENTITIES = {layout.word: layout.entity for layout in LAYOUTS.values()}
SECONDS_BETWEEN_LOOKS = 2.0
SECONDS_TO_SETTLE = 60.0
PIECE = 4 << 20  # bytes of a file that are handed on at once
_BLOCK = 1 << 20
_NAME = re.compile(
    r"(DVCQG_(HoSo|ThanhToan|DanhGia)_([A-Za-z0-9]+)_([0-9]{8})_([0-9]{8}))(?:_v([0-9]{1,6}))?\.(xlsx|csv|xlsm|xls)",
    re.IGNORECASE,
)
_WORDS = {word.lower(): entity for word, entity in ENTITIES.items()}


@dataclass(frozen=True)
class PortalFile:
    """One export as the folder shows it.

    stem: the name without its version; files of one stem replace one another.
    first_day, last_day: `from` and `to` of the name. version: n of `_v<n>`, 1 where there is none.
    size in bytes; modified: aware, UTC (the epoch where the file system keeps no times).
    """

    path: str
    name: str
    stem: str
    entity: str
    province: str
    first_day: date
    last_day: date
    version: int
    suffix: str
    size: int
    modified: datetime

    @property
    def stamp(self) -> str:
        """NgayCapNhat of its rows: 23:59:59 of its last day, 14 digits."""
        return f"{self.last_day:%Y%m%d}235959".zfill(14)


@dataclass(frozen=True)
class Listing:
    """files: the exports, earlier ones first. strangers: names that begin like exports but are none."""

    files: list[PortalFile]
    strangers: list[str]


def list_files(fs: AbstractFileSystem, path: str) -> Listing:
    """The exports in a folder.

    Raises:
        SourceUnavailable: the folder cannot be listed.
    """
    try:
        entries = fs.ls(path, detail=True, refresh=True)
    except FileNotFoundError:
        raise SourceUnavailable(
            f"the folder {path} does not exist", next_step="correct `path` of the source in province.yml"
        ) from None
    except OSError as problem:
        raise SourceUnavailable(
            f"the folder {path} cannot be listed: {type(problem).__name__}",
            next_step="check its rights and the network",
        ) from None
    files, strangers = [], []
    for entry in entries:
        name = str(entry["name"]).rstrip("/").rsplit("/", 1)[-1]
        if entry.get("type") == "directory" or not name.lower().startswith("dvcqg_"):
            continue
        found = _portal_file(entry, name)
        if found:
            files.append(found)
        elif not name.lower().endswith(".manifest.json"):
            strangers.append(name)
    return Listing(in_order(files), sorted(strangers))


def in_order(files: Iterable[PortalFile]) -> list[PortalFile]:
    """Earlier files first, so that what is loaded last is what counts.

    By the later `to`, then modification time, then name; of names that differ only in `_v`, by version.
    """
    listed = list(files)
    newest = _newest(listed)
    return sorted(listed, key=lambda file: (*_between(newest[file.stem]), *_within(file)))


def superseded(files: Iterable[PortalFile]) -> dict[str, PortalFile]:
    """Name -> the file that replaces it: of names that differ only in `_v` the highest version."""
    listed = list(files)
    newest = _newest(listed)
    return {file.name: newest[file.stem] for file in listed if newest[file.stem] != file}


def _newest(files: Iterable[PortalFile]) -> dict[str, PortalFile]:
    newest: dict[str, PortalFile] = {}
    for file in files:
        if file.stem not in newest or _within(file) > _within(newest[file.stem]):
            newest[file.stem] = file
    return newest


def _between(file: PortalFile) -> tuple[date, datetime, str]:
    return (file.last_day, file.modified, file.name)


def _within(file: PortalFile) -> tuple[int, datetime, str]:
    return (file.version, file.modified, file.name)


def _portal_file(entry: dict[str, Any], name: str) -> PortalFile | None:
    found = _NAME.fullmatch(name)
    if not found:
        return None
    stem, word, province, first, last, version, suffix = found.groups()
    try:
        first_day, last_day = (datetime.strptime(day, "%Y%m%d").date() for day in (first, last))  # noqa: DTZ007
    except ValueError:
        return None
    if first_day > last_day:
        return None
    return PortalFile(
        path=str(entry["name"]),
        name=name,
        stem=f"{stem}.{suffix}".lower(),
        entity=_WORDS[word.lower()],
        province=province.upper(),
        first_day=first_day,
        last_day=last_day,
        version=int(version or 1),
        suffix=suffix.lower(),
        size=int(entry.get("size") or 0),
        modified=_modified(entry),
    )


def _modified(entry: dict[str, Any]) -> datetime:
    """File systems name and type it differently: seconds, a datetime, or not at all."""
    value = next((entry[k] for k in ("mtime", "LastModified", "last_modified", "modified") if entry.get(k)), 0)
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime.fromtimestamp(float(value), UTC)


def wait_until_settled(
    fs: AbstractFileSystem,
    file: PortalFile,
    *,
    seen_at: float | None = None,
    sleep: Callable[[float], None] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> PortalFile:
    """The file once its size and time stayed the same over two looks, at least 2 s apart.

    Args:
        seen_at: when (monotonic seconds) the folder showed `file`: that was the first look, so that of many files only
            the first one is waited for. None: look now.

    Raises:
        SourceUnavailable: it still changes after 60 s, or it is gone.
    """
    end = monotonic() + SECONDS_TO_SETTLE
    last, looked_at = (file, seen_at) if seen_at is not None else (_look(fs, file), monotonic())
    while True:
        if (wait := SECONDS_BETWEEN_LOOKS - (monotonic() - looked_at)) > 0:
            sleep(wait)
        now = _look(fs, file)
        if (now.size, now.modified) == (last.size, last.modified):
            return now
        if monotonic() >= end:
            raise SourceUnavailable(
                f"{file.name} is still being written after {SECONDS_TO_SETTLE:.0f} s",
                next_step="run again when the file is complete",
            )
        last, looked_at = now, monotonic()


def _look(fs: AbstractFileSystem, file: PortalFile) -> PortalFile:
    try:
        fs.invalidate_cache()
        found = _portal_file({**fs.info(file.path), "name": file.path}, file.name)
    except OSError as problem:
        raise SourceUnavailable(
            f"{file.name} cannot be looked at: {type(problem).__name__}", next_step="see whether it is still there"
        ) from None
    assert found is not None  # noqa: S101  (the name was read before)
    return found


def fetch(fs: AbstractFileSystem, file: PortalFile, limits: Limits | None = None) -> Iterator[bytes]:
    """The file's bytes, PIECE at a time; nothing more than the limits allow is transferred.

    Raises:
        FileRefused: it is too big, or of a kind that is not read (no bytes are transferred).
        SourceUnavailable: it could not be read to its end.
    """
    limits = limits or Limits()
    most = limits.unpacked if file.suffix == "csv" else limits.packed
    refused = FileRefused(
        f"{file.name}: the file has more than {most // 10**6} MB", next_step="export a shorter span of days"
    )
    if file.size > most:
        raise refused
    done = 0
    try:
        with fs.open(file.path, "rb", cache_type="none") as source:
            piece = bytearray()
            while block := source.read(_BLOCK):
                done += len(block)
                if done > most:
                    raise refused
                piece += block
                if len(piece) >= PIECE:
                    yield bytes(piece)
                    piece.clear()
            if piece:
                yield bytes(piece)
    except OSError as problem:
        raise SourceUnavailable(
            f"{file.name} could not be read to its end: {type(problem).__name__}", next_step="run again"
        ) from None
    if done != file.size:
        raise SourceUnavailable(f"{file.name} changed while it was read", next_step="run again when it is complete")


@dataclass(frozen=True)
class Manifest:
    """What a side file says of its export; None: it does not say."""

    rows: int | None
    sha256: str | None

    def check_content(self, file: PortalFile, sha256: str) -> None:
        """Raises DataRefused where the export is not the one that the manifest speaks of."""
        if self.sha256 is not None and sha256 != self.sha256.lower():
            raise FileRefused(
                f"{file.name}: its content is not the one that its manifest names (sha256)",
                next_step="deliver the file and its manifest again",
            )

    def check_rows(self, file: PortalFile, rows: int) -> None:
        """Raises DataRefused where the number of records read is not the one announced."""
        if self.rows is not None and rows != self.rows:
            raise FileRefused(
                f"{file.name}: it has {rows} records, its manifest says {self.rows}",
                next_step="deliver the file and its manifest again",
                rows=rows,
            )


def manifest_of(fs: AbstractFileSystem, file: PortalFile) -> Manifest | None:
    """The manifest beside a file, `<name>.manifest.json` (name with or without its suffix); None where there is none.

    Raises:
        DataRefused: it is there, but cannot be read as one.
        SourceUnavailable: it cannot be reached.
    """
    bare = file.path.rsplit(".", 1)[0]
    for path in (f"{file.path}.manifest.json", f"{bare}.manifest.json"):
        try:
            with fs.open(path, "rb") as source:
                body = source.read(_BLOCK)
        except FileNotFoundError:
            continue
        except OSError as problem:
            raise SourceUnavailable(
                f"the manifest of {file.name} cannot be read: {type(problem).__name__}", next_step="run again"
            ) from None
        return _manifest(body, file)
    return None


def _manifest(body: bytes, file: PortalFile) -> Manifest:
    try:
        content = json.loads(body)
        rows, sha256 = content.get("rows"), content.get("sha256")
    except (ValueError, AttributeError, RecursionError):
        content, rows, sha256 = None, None, None
    well_typed = (rows is None or type(rows) is int) and (sha256 is None or isinstance(sha256, str))
    if content is None or not well_typed or (rows is None and sha256 is None):
        raise DataRefused(
            f"the manifest of {file.name} is not of the form {{'rows': n, 'sha256': '…'}}",
            next_step="deliver the file and its manifest again",
        )
    return Manifest(rows, sha256)
