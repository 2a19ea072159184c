"""Rejected rows for the people who can correct them: one workbook per responsible unit, and a list for the shell.

Of a row only its place, its code, the rules that it broke and the cells that those rules are about leave the
warehouse; sealed fields stay sealed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.pipeline.entities import Entity, entity_of, portal_entity
from onestop.pipeline.warehouse_faults import explained
from onestop.quality.quarantine_cells import cells_of, shown_key
from onestop.quality.quarantine_status import UNKNOWN_UNIT, Selection, Waiting, check_source, read_waiting, unit_names
from onestop.quality.rules import RowRule
from onestop.reporting.numbers_vi import day
from onestop.reporting.quarantine_workbook import Fault, RejectedRow, write_quarantine_workbook
from onestop.reporting.wording import province_title
from onestop.sources.portal_columns import LAYOUTS
from onestop.warehouse.connection import connect
from onestop.warehouse.migrations import migrated

PORTAL = "portal_export"
UNKNOWN_FILE = "khong-ro-don-vi"
UNKNOWN_TITLE = "Không rõ đơn vị (mã đơn vị trống hoặc không có trong danh mục)"


@dataclass(frozen=True)
class Listed:
    """One row as the shell shows it."""

    id: int
    source: str
    entity: str
    unit: str
    place: str
    code: str
    rules: tuple[str, ...]
    status: str
    first_seen_at: datetime
    days: int


@dataclass(frozen=True)
class Listing:
    """Rows of a selection, with how many there are by rule and unit; a row that broke two rules counts under each."""

    total: int
    by_rule: dict[str, int]
    by_unit: dict[str, int]
    oldest_days: int
    rows: list[Listed]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Exported:
    """One workbook: whose, where, how many rows."""

    unit: str
    path: Path
    rows: int


def listing(settings: Settings, wanted: Selection, *, as_of: datetime, limit: int | None = None) -> Listing:
    """What lies in quarantine; `limit` cuts the rows shown, never the counts."""
    rows, _, _ = _read(settings, wanted, as_of)
    by_rule = Counter(rule for row in rows for rule in row.rule_ids)
    by_unit = Counter(row.unit for row in rows)
    return Listing(
        len(rows),
        dict(sorted(by_rule.items(), key=lambda item: (-item[1], item[0]))),
        dict(sorted(by_unit.items(), key=lambda item: (-item[1], item[0]))),
        max((row.days for row in rows), default=0),
        [
            Listed(
                row.rejected_id, row.source_id, row.entity, row.unit, row.place, shown_key(row.record_key),
                tuple(row.rule_ids), row.status, row.first_seen_at, row.days,
            )
            for row in rows[:limit]
        ],
    )  # fmt: skip


def export(settings: Settings, wanted: Selection, *, output: Path, as_of: datetime) -> list[Exported]:
    """Write one workbook per responsible unit into `output`; a unit's earlier workbook there is replaced.

    Raises:
        ConfigurationError: the folder cannot be written.
    """
    rows, kinds, names = _read(settings, wanted, as_of)
    units: dict[str, list[Waiting]] = {}
    for row in rows:
        units.setdefault(row.unit, []).append(row)
    province = province_title(settings.province.name_vi)
    done = []
    try:
        output.mkdir(parents=True, exist_ok=True)
        for unit, waiting in units.items():
            title = UNKNOWN_TITLE if unit == UNKNOWN_UNIT else f"{names.get(unit, unit)} ({unit})"
            content = write_quarantine_workbook(
                title,
                [_row(row, kinds, settings) for row in waiting],
                province=province,
                as_of=as_of.astimezone(settings.zone),
            )
            path = output / f"{_file_name(unit)}.xlsx"
            unfinished = path.with_name(f".{path.name}.new")
            unfinished.write_bytes(content)
            unfinished.replace(path)
            done.append(Exported(unit, path, len(waiting)))
    except OSError as problem:
        raise ConfigurationError(
            f"{problem.filename or output} cannot be written: {problem.strerror or problem}",
            next_step="name another folder with --output, or correct its rights",
        ) from None
    return done


def _read(
    settings: Settings, wanted: Selection, as_of: datetime
) -> tuple[list[Waiting], dict[str, str], dict[str, str]]:
    """The rows, each source's kind, each unit's name."""
    with (
        explained("quarantine"),
        closing(connect(migrated(settings, "loader"), autocommit=True, role="loader")) as connection,
    ):
        check_source(connection, wanted.source_id)
        kinds = {str(s): str(k) for s, k in connection.execute("select source_id, kind from ops.source")}
        return read_waiting(connection, wanted, as_of=as_of, zone=settings.zone), kinds, unit_names(connection)


def _row(row: Waiting, kinds: Mapping[str, str], settings: Settings) -> RejectedRow:
    seen = row.first_seen_at.astimezone(settings.zone).date()
    entity = _entity(kinds[row.source_id], row.entity)
    return RejectedRow(
        number=row.rejected_id,
        source=row.source_id,
        entity=row.entity,
        delivered_in=row.file_name or f"Lần nhận số {row.batch_id}, ngày {day(seen)}",
        sheet=row.sheet or "",
        place=row.row_number,
        code=shown_key(row.record_key),
        faults=_faults(row.rule_ids, entity, row.payload),
        first_seen=seen,
        days=row.days,
    )


def _faults(rule_ids: Sequence[str], entity: Entity, payload: Mapping[str, Any]) -> tuple[Fault, ...]:
    """A rule that is no longer in the book has no words: the next replay closes or renames it."""
    rules = {rule.id: rule for rule in entity.book.row_rules}
    return tuple(
        Fault(rule.id, rule.message_vi, rule.correct_vi or "", rule.owner, _cells(rule, entity, payload))
        if (rule := rules.get(rule_id))
        else Fault(rule_id, "Quy tắc này không còn hiệu lực", "Chờ hệ thống kiểm tra lại", "province", {})
        for rule_id in rule_ids
    )


def _cells(rule: RowRule, entity: Entity, payload: Mapping[str, Any]) -> dict[str, str]:
    """The wrong cells; those of the portal's exports under the headings that stand over them."""
    cells = cells_of(rule, entity.spec, payload)
    if entity.spec.family != "portal":
        return cells
    headings = {column.field: column.heading for column in LAYOUTS[entity.spec.entity].columns}
    return {headings.get(name, name): value for name, value in cells.items()}


def _entity(kind: str, name: str) -> Entity:
    return portal_entity(name) if kind == PORTAL else entity_of(kind)


def _file_name(unit: str) -> str:
    """A unit's code as a file's name."""
    return UNKNOWN_FILE if unit == UNKNOWN_UNIT else re.sub(r"[^A-Za-z0-9._-]", "_", unit).lstrip(".") or UNKNOWN_FILE
