"""The canonical form of an edition and its hashes.

A table's canonical form is what PostgreSQL's `copy (select ...) to stdout` writes of it: text format, UTF-8, dates ISO,
moments in UTC, rows in the order of `tables.Table.order`, without edition_id. Its hash is the SHA-256 of those bytes, so
that anybody with psql and sha256sum can check it. The edition's is the SHA-256 of its manifest: canonical JSON with the
edition's own facts, the hash of the edition before, and every table's rows and hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from onestop.reporting.editions.model import Edition
from onestop.reporting.editions.tables import Table

CHECK_BYTES = 8
FORMAT = 1
_SESSION = (
    "set local datestyle = 'ISO, YMD'",
    "set local timezone = 'UTC'",
    "set local client_encoding = 'UTF8'",
    "set local extra_float_digits = 1",
)


@dataclass(frozen=True, slots=True)
class Content:
    """A table's rows and hash, and eight bytes of the hash of each row."""

    rows: int
    sha256: str
    row_checks: bytes


def lines(connection: psycopg.Connection[Any], edition_id: int, table: Table) -> Iterator[bytes]:
    """The table's canonical form, a row at a time; the caller has a transaction open."""
    for setting in _SESSION:
        connection.execute(setting.encode())
    query = (
        f"copy (select {table.listed} from published.{table.name}"
        f" where edition_id = {int(edition_id)} order by {table.order}) to stdout"
    )
    with connection.cursor() as cursor, cursor.copy(query.encode()) as copy:
        for line in copy:
            yield bytes(line)


def hashed(connection: psycopg.Connection[Any], edition_id: int, table: Table) -> Content:
    """Hash a table of an edition."""
    whole, checks, rows = hashlib.sha256(), bytearray(), 0
    for line in lines(connection, edition_id, table):
        whole.update(line)
        checks += row_check(line)
        rows += 1
    return Content(rows, whole.hexdigest(), bytes(checks))


def row_check(line: bytes) -> bytes:
    """What is kept of a row's own hash: enough to name a row that changed, no proof by itself."""
    return hashlib.sha256(line).digest()[:CHECK_BYTES]


def values(line: bytes) -> list[str]:
    """A row's values as the canonical form writes them."""
    return line.decode("utf-8").rstrip("\n").split("\t")


def facts(edition: Edition) -> dict[str, Any]:
    """What the manifest says of the edition itself; status and publishing come after it and stand in the events."""
    return {
        "approved_at": moment(edition.approved_at),
        "approved_by": edition.approved_by,
        "code_version": edition.code_version,
        "drafted_at": moment(edition.drafted_at),
        "drafted_by": edition.drafted_by,
        "is_preliminary": edition.is_preliminary,
        "known_at": moment(edition.known_at),
        "period": edition.period,
        "period_convention": edition.period_convention,
        "previous_sha256": edition.previous_sha256,
        "reason": edition.reason,
        "reason_code": edition.reason_code,
        "version": edition.version,
    }


def manifest(edition: Edition, contents: Mapping[str, Content]) -> str:
    """The canonical JSON that is hashed; `edition` as it will be once approved."""
    tables = {
        name: {
            "row_checks_sha256": hashlib.sha256(found.row_checks).hexdigest(),
            "rows": found.rows,
            "sha256": found.sha256,
        }
        for name, found in contents.items()
    }
    return as_json({"format": FORMAT, "tables": tables, **facts(edition)})


def as_json(content: Mapping[str, Any]) -> str:
    """Canonical JSON: keys sorted, one way to write it."""
    return json.dumps(content, ensure_ascii=False, sort_keys=True, indent=1)


def sha256(text: str) -> str:
    """Of a text's UTF-8."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def moment(value: datetime | None) -> str | None:
    """A moment as the manifest writes it: UTC, microseconds."""
    return None if value is None else value.astimezone(UTC).isoformat(timespec="microseconds")
