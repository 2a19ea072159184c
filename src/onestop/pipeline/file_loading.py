"""The rows of one portal file, chunk by chunk, and the register of files (ops.portal_file).

Every accepted file has all of its good rows in raw, also those that an earlier file held unchanged: which rows a file
holds decides what its next version withdraws. The ledger counts unchanged ones as duplicates.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from psycopg import sql

from onestop.landing.ledger import Batch
from onestop.landing.seen import rejected_before
from onestop.pipeline.entities import some
from onestop.pipeline.held import Held
from onestop.pipeline.loading import Cursor, Loader
from onestop.quality.drift import UnknownFields
from onestop.quality.quarantine import note_sightings
from onestop.sources.portal_export import PortalFile
from onestop.sources.portal_table import SURPLUS
from onestop.sources.records import Shaped, shape
from onestop.sources.spreadsheet import FileFacts
from onestop.sources.table_records import TableRecords


@dataclass(frozen=True)
class KnownFile:
    """A file that was loaded: what it was called, and what it looked like in its folder."""

    file_id: int
    name: str
    size: int
    modified_at: object
    rows: int

    def is_same(self, file: PortalFile) -> bool:
        """Whether the folder shows nothing new of it."""
        return (self.name, self.size, self.modified_at) == (file.name, file.size, file.modified)

    @classmethod
    def with_content(cls, cursor: Cursor, source_id: str, sha256: str) -> KnownFile | None:
        """A file of the source, under any name, with this content."""
        cursor.execute(
            f"{_KNOWN} where f.source_id = %s and f.sha256 = %s order by f.file_id limit 1", [source_id, sha256]
        )
        row = cursor.fetchone()
        return cls(*row) if row else None  # type: ignore[arg-type]


_KNOWN = (
    "select f.file_id, f.name, f.size, f.modified_at, b.received from ops.portal_file f"
    " join ops.load_batch b using (batch_id)"
)

_ACCEPTED = sql.SQL(
    "with shown as (select key, substr(%(contents)b, 16 * place::int - 15, 16) as content"
    " from string_to_table(%(keys)s, E'\\n') with ordinality as one (key, place))"
    " select content from shown where exists (select from {} as n where n.{} = shown.key"
    " and n.content_hash = shown.content and n.source_id = %(source)s and n.file_id <> %(file)s)"
)


def known_files(cursor: Cursor, source_id: str) -> list[KnownFile]:
    """Every file of the source that was loaded."""
    cursor.execute(f"{_KNOWN} where f.source_id = %s", [source_id])
    return [KnownFile(*row) for row in cursor]  # type: ignore[arg-type]


def write_file(cursor: Cursor, file: PortalFile, batch: Batch, *, twin_of: int | None = None) -> int:
    """Register a file; of one with the content of another only its looks are noted, its rows are the other's."""
    cursor.execute(
        "insert into ops.portal_file (source_id, entity, name, series, version, covers_from, covers_to, modified_at,"
        " size, sha256, batch_id, twin_of) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning file_id",
        [
            batch.source_id, file.entity, file.name, file.stem, file.version, file.first_day, file.last_day,
            file.modified, file.size, batch.sha256, batch.batch_id, twin_of,
        ],
    )  # fmt: skip
    row = cursor.fetchone()
    assert row is not None  # noqa: S101  (returning gives one row)
    return int(str(row[0]))


@dataclass
class FileLoader(Loader):
    """Loads the rows of one file.

    file_id: the file's number in the register.
    asked: on another connection, which a COPY under way leaves free: tells what earlier files held.
    doubled: keys that several different records of the file have; uniqueness is judged within one file.
    """

    file_id: int = 0
    asked: Cursor = field(kw_only=True)
    doubled: set[str | None] = field(default_factory=set)
    _held: Held = field(default_factory=Held)

    @cached_property
    def unknown(self) -> UnknownFields:
        """Columns beyond the specification. A sheet's cells have no types of their own: those of known columns are
        the rows' business (PT-002, PT-006)."""
        return UnknownFields(self.entity.spec, frozenset({SURPLUS}))

    def note_keys(self, chunks: Iterable[Sequence[Mapping[str, Any]]]) -> None:
        """Look through the whole file for keys that stand more than once with different contents."""
        seen: dict[str | None, bytes] = {}
        for records in chunks:
            shaped = shape(records, self.entity.spec, first_row=1, hash_key=self.keys.hash)
            keys = shaped.columns[self.entity.key_column].to_pylist()
            for key, content in zip(keys, shaped.content_hash, strict=True):
                if key is not None and seen.setdefault(key, content) != content:
                    self.doubled.add(key)

    def load_rows(self, cursor: Cursor, numbers: Sequence[int], records: Sequence[Mapping[str, Any]]) -> None:
        """Load one chunk; `numbers` are its rows' places in the sheet or their lines. Its COPY may still run (`copies`)."""
        self.corrections.waiting(cursor)  # once, before the first COPY
        spec = self.entity.spec
        shaped = shape(records, spec, first_row=1, hash_key=self.keys.hash)
        rows = np.asarray(numbers)
        self.batch.received += len(shaped)
        self.facts.received += len(shaped)
        required = [name for name in spec.required if name in {f.field for f in spec.fields}]
        whole = isinstance(records, TableRecords) and records.columns.keys() >= set(required)
        self.facts.note_fields(records, [] if whole else required)
        self.unknown.note(records, shaped.names)
        held = self._held.add(shaped.content_hash)
        accepted, rejected = self._known(shaped)
        again, unchanged, fresh, sighted = [], [], [], []
        if accepted or rejected or held.any():
            for place, content in enumerate(shaped.content_hash):
                if held[place]:
                    again.append(place)
                elif content in accepted:  # also a rejected row that came back from quarantine
                    unchanged.append(place)
                elif content in rejected:
                    again.append(place)
                    sighted.append(place)
                else:
                    fresh.append(place)
        else:
            fresh = list(range(len(shaped)))
        self.batch.duplicate += len(again) + len(unchanged)
        more = {"file_id": pa.scalar(self.file_id, pa.int64())}
        if sighted:
            self.copies.wait()
            seen = [(shaped.content_hash[place], int(rows[place])) for place in sighted]
            note_sightings(cursor, self.batch.source_id, self.batch.entity, self.file_id, seen)
        if unchanged:
            places = np.asarray(unchanged)
            self.copy_raw(cursor, some(shaped, places), rows[places], [None] * len(places), more)
        if fresh:
            places = np.asarray(fresh)
            chunk = some(shaped, places)
            self.repairs.note(chunk.repairs)
            single, deleted = np.ones(len(chunk), dtype=bool), np.zeros(len(chunk), dtype=bool)
            if self.doubled:
                keys = chunk.columns[self.entity.key_column].to_pylist()
                single = np.array([key not in self.doubled for key in keys], dtype=bool)
            self.store(cursor, chunk, rows[places], self.verdict(chunk, single, deleted), more)

    def note_facts(self, cursor: Cursor, facts: FileFacts) -> None:
        """What reading the file showed, into the register and the ledger's message."""
        cursor.execute(
            "update ops.portal_file set layout_rows = %s, unknown_headings = %s, sheet = %s where file_id = %s",
            [facts.layout_rows, list(facts.unknown_headings), facts.sheet, self.file_id],
        )
        self.batch.message = self.note_drift(cursor)

    def _known(self, shaped: Shaped) -> tuple[set[bytes], set[bytes]]:
        """Which contents were accepted, and which rejected, in an earlier file of the source: committed, each of them.

        An accepted one is found by its key, which it cannot be without; no key holds a line's end (`code_array`).
        """
        cursor = self.asked
        rejected = rejected_before(cursor, self.batch.source_id, self.batch.entity, shaped.content_hash)
        if not self._follows_another:
            return set(), rejected
        keys = shaped.columns[self.entity.key_column].to_pylist()
        cursor.execute(
            _ACCEPTED.format(sql.Identifier("raw", self.entity.spec.table), sql.Identifier(self.entity.key_column)),
            {
                "source": self.batch.source_id,
                "file": self.file_id,
                "keys": "\n".join(key or "" for key in keys),
                "contents": b"".join(shaped.content_hash),
            },
        )
        return {bytes(row[0]) for row in cursor}, rejected  # type: ignore[call-overload]

    @cached_property
    def _follows_another(self) -> bool:
        """Whether any file of its kind was loaded before; this one is not committed, so that it does not show itself."""
        self.asked.execute(
            "select exists (select from ops.portal_file where source_id = %s and entity = %s)",
            [self.batch.source_id, self.batch.entity],
        )
        return self.asked.fetchone() == (True,)
