"""Rejected rows: the payload with every personal or unknown part encrypted, so that a replay stays possible.

What becomes of them later: quarantine_status (who did what), corrections (a later version arrived), and
onestop.pipeline.quarantine_replay (judged again).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import psycopg

from onestop.specs import EntitySpec, Item

Encrypt = Callable[[str], str]
Decrypt = Callable[[str], str]


@dataclass(frozen=True)
class Rejected:
    """One row for quarantine.rejected_row. key_code: the key as raw has it; version: 14 digits, or None if unreadable."""

    row_number: int
    record_key: str | None
    rule_ids: list[str]
    warning_ids: list[str]
    payload: Mapping[str, Any]
    content_hash: bytes
    agency_code: str | None
    key_code: str | None = None
    version: str | None = None


def protect(record: Mapping[str, Any], spec: EntitySpec, encrypt: Encrypt) -> dict[str, Any]:
    """The record with personal fields, and fields that no specification knows, as {"encrypted": token}."""
    return _protect(record, spec.fields, encrypt)


def _protect(record: Mapping[str, Any], fields: Sequence[Item], encrypt: Encrypt) -> dict[str, Any]:
    known = {f.field: f for f in fields}
    shown: dict[str, Any] = {}
    for delivered, value in record.items():
        name = delivered.replace("\0", "\ufffd")  # as PostgreSQL can hold it, also where the value is empty
        item = known.get(name)
        if value is None or value == "":
            shown[name] = value
        elif item is None or item.personal:
            shown[name] = _sealed(value, encrypt)
        elif item.kind == "list" and isinstance(value, list):
            shown[name] = [
                _protect(v, item.items, encrypt) if isinstance(v, dict) else _sealed(v, encrypt) for v in value
            ]
        elif isinstance(value, dict | list) or item.kind == "list":
            shown[name] = _sealed(value, encrypt)
        else:
            shown[name] = value
    return shown


def _sealed(value: Any, encrypt: Encrypt) -> dict[str, str]:
    return {"encrypted": encrypt(orjson.dumps(value).decode())}


def reveal(payload: Mapping[str, Any], decrypt: Decrypt) -> dict[str, Any]:
    """The record that `protect` made a payload of. For the memory of a replay only: it holds personal data.

    Raises:
        ConfigurationError, DataRefused: as `onestop.crypto.DataKeys.decrypt_text`.
    """
    return {name: _opened(value, decrypt) for name, value in payload.items()}


def _opened(value: Any, decrypt: Decrypt) -> Any:
    if isinstance(value, dict):
        sealed = value.get("encrypted")
        if len(value) == 1 and isinstance(sealed, str) and sealed:
            return orjson.loads(decrypt(sealed))
        return {name: _opened(part, decrypt) for name, part in value.items()}
    return [_opened(part, decrypt) for part in value] if isinstance(value, list) else value


def write_rejected(
    cursor: psycopg.Cursor[tuple[object, ...]],
    rows: Sequence[Rejected],
    *,
    source_id: str,
    entity: str,
    batch_id: int,
    first_seen_at: datetime,
) -> int:
    """Append rows to the quarantine; one that lies there already, unchanged, stays as it is.

    Returns:
        how many were new.
    """
    written = 0
    for row in rows:
        cursor.execute(
            "insert into quarantine.rejected_row (source_id, entity, batch_id, row_number, record_key, rule_ids,"
            " warning_ids, payload, first_seen_at, content_hash, agency_code, key_code, version)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            [
                source_id, entity, batch_id, row.row_number, row.record_key, row.rule_ids, row.warning_ids,
                orjson.dumps(row.payload).decode(), first_seen_at, row.content_hash, row.agency_code, row.key_code,
                row.version,
            ],
        )  # fmt: skip
        written += cursor.rowcount
    return written


def note_sightings(
    cursor: psycopg.Cursor[tuple[object, ...]],
    source_id: str,
    entity: str,
    file_id: int,
    rows: Sequence[tuple[bytes, int]],
) -> None:
    """Rejected rows (content hash, place) that stand unchanged in a later file: a replay takes them back into each.

    Such a row is judged again by the next replay: the file may hold it once where an earlier one held it twice.
    """
    cursor.execute(
        "with seen as (select decode(hash, 'hex') as content_hash, place from unnest(%s::text[], %s::int[])"
        " as seen (hash, place)), held as (update quarantine.rejected_row as r set judged_with = null from seen"
        " where r.source_id = %s and r.entity = %s and r.content_hash = seen.content_hash"
        " returning r.rejected_id, seen.place) insert into quarantine.row_sighting (rejected_id, file_id, row_number)"
        " select rejected_id, %s, place from held on conflict do nothing",
        [[content.hex() for content, _ in rows], [place for _, place in rows], source_id, entity, file_id],
    )
