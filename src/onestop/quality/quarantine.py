"""Rejected rows: the payload with every personal or unknown part encrypted, so that a replay stays possible."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
import psycopg

from onestop.specs import EntitySpec, Item

Encrypt = Callable[[str], str]


@dataclass(frozen=True)
class Rejected:
    """One row for quarantine.rejected_row."""

    row_number: int
    record_key: str | None
    rule_ids: list[str]
    warning_ids: list[str]
    payload: Mapping[str, Any]
    content_hash: bytes
    agency_code: str | None


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
            " warning_ids, payload, first_seen_at, content_hash, agency_code)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) on conflict do nothing",
            [
                source_id, entity, batch_id, row.row_number, row.record_key, row.rule_ids, row.warning_ids,
                orjson.dumps(row.payload).decode(), first_seen_at, row.content_hash, row.agency_code,
            ],
        )  # fmt: skip
        written += cursor.rowcount
    return written
