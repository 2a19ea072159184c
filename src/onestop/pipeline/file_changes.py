"""What a new version of a portal file changed: rows added, removed and changed against the one that it replaces.

The earlier content is read again from landing, as it was delivered; so that rows in quarantine count like all others.
Rows are compared by their content without STT, which moves with every row put in between; of the rest, those with
one key in both files have changed. Memory holds one number per row of the earlier file.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import orjson
import psycopg

from onestop.errors import OnestopError
from onestop.landing.store import LandedContent, LandingStore
from onestop.sources.portal_columns import LAYOUTS
from onestop.sources.portal_export import PortalFile
from onestop.sources.portal_table import VERSION
from onestop.sources.spreadsheet import read_table

_PLACE = "STT"
_KEY_BITS = 64


@dataclass(frozen=True)
class Earlier:
    """The accepted file that another replaces: its name and content, and where it was landed."""

    name: str
    sha256: str
    landing_path: str | None


def replaced_by(
    cursor: psycopg.Cursor[tuple[object, ...]], source_id: str, file: PortalFile, series: str
) -> Earlier | None:
    """The last content under the same name; without one, the highest lower version of the series; else None."""
    cursor.execute(
        "select f.name, f.sha256, b.landing_path from ops.portal_file f join ops.load_batch b using (batch_id)"
        " where f.source_id = %s and f.series = %s and (f.name = %s or f.version < %s)"
        " order by f.name = %s desc, f.version desc, f.file_id desc limit 1",
        [source_id, series, file.name, file.version, file.name],
    )
    row = cursor.fetchone()
    return Earlier(*row) if row else None  # type: ignore[arg-type]


@dataclass
class Changes:
    """Compares a file's rows with those of the one before, as they pass by."""

    earlier: Earlier
    key: str
    _left: Counter[int] = field(default_factory=Counter)
    _new: Counter[int] = field(default_factory=Counter)
    _unreadable: bool = False

    @classmethod
    def against(cls, earlier: Earlier, landing: LandingStore, file: PortalFile) -> Changes:
        """Read the earlier content again; where that is impossible, the message will say so."""
        made = cls(earlier, LAYOUTS[file.entity].key)
        try:
            if earlier.landing_path is None:
                made._unreadable = True
                return made
            body = LandedContent(landing.run(earlier.landing_path))
            with closing(read_table(body, earlier.name, file.entity)) as chunks:
                for chunk in chunks:
                    made._left.update(made._mark(record) for record in chunk.records)
        except OnestopError:
            made._unreadable = True
        return made

    def note(self, records: Iterable[Mapping[str, Any]]) -> None:
        """Some rows of the new file."""
        for record in records:
            mark = self._mark(record)
            if self._left[mark] > 0:
                self._left[mark] -= 1
            else:
                self._new[mark >> _KEY_BITS] += 1

    @property
    def message(self) -> str:
        """For the ledger."""
        if self._unreadable:
            return f"replaces {self.earlier.name}; what changed is not known: its landed copy cannot be read"
        old: Counter[int] = Counter()
        for mark, rows in self._left.items():
            old[mark >> _KEY_BITS] += rows
        changed = sum((old & self._new).values())
        added, removed = self._new.total() - changed, old.total() - changed
        return f"against {self.earlier.name} before: {added} rows added, {removed} removed, {changed} changed"

    def _mark(self, record: Mapping[str, Any]) -> int:
        """One number for key and content. A row without a key is one of its own kind: it cannot have changed."""
        filled = {k: v for k, v in record.items() if v not in (None, "") and k not in (_PLACE, VERSION)}
        content = _number(orjson.dumps(filled, option=orjson.OPT_SORT_KEYS))
        key = "".join(str(record.get(self.key) or "").split()).upper()
        return (_number(key.encode()) if key else content) << _KEY_BITS | content


def _number(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=_KEY_BITS // 8).digest())
