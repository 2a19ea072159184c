"""What units say of their figures before the province approves: asked, confirmed, contested, replied; and where each stands.

A statement speaks of the figures that the unit was shown (`shown`, their hash): a confirmation of figures that changed since
is none. Approving an edition freezes the statements with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

import psycopg
from psycopg.rows import class_row

from onestop.periods import Period
from onestop.reporting.editions import products, store
from onestop.reporting.editions.model import Condition, Edition
from onestop.reporting.editions.tables import UNIT_ANSWER
from onestop.reporting.numbers_vi import integer, moment
from onestop.reporting.unit_part import shown

Kind = Literal["asked", "confirmed", "contested", "replied"]
Stand = Literal["confirmed", "contested", "answered", "changed", "silent", "waiting"]
_VI: dict[Stand, str] = {
    "confirmed": "xác nhận",
    "contested": "có ý kiến chưa được trả lời",
    "answered": "có ý kiến đã được trả lời",
    "changed": "đã xác nhận số liệu trước khi thay đổi",
    "silent": "không trả lời trong thời hạn",
    "waiting": "còn trong thời hạn trả lời",
}
_EN: dict[Stand, str] = {
    "confirmed": "confirmed",
    "contested": "contested and not replied to",
    "answered": "contested and replied to",
    "changed": "confirmed figures that changed since",
    "silent": "silent at the deadline",
    "waiting": "with time left",
}


@dataclass(frozen=True, slots=True)
class Said:
    """What somebody says, before it is kept; see published.unit_statement."""

    agency_code: str
    kind: Kind
    shown: str
    by_whom: str
    happened_at: datetime
    answers: int | None = None
    column_name: str | None = None
    dossier_codes: tuple[str, ...] = ()
    words: str | None = None
    deadline: datetime | None = None
    file_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One row of published.unit_statement."""

    statement_id: int
    agency_code: str
    kind: Kind
    shown: str
    answers: int | None
    column_name: str | None
    dossier_codes: list[str]
    words: str | None
    deadline: datetime | None
    by_whom: str
    happened_at: datetime
    file_sha256: str | None


_SAID = tuple(f.name for f in fields(Said))
_BY_VERSION = "where (period_convention, period, version) = (%s, %s, %s)"


def add(connection: psycopg.Connection[Any], edition: Edition, said: Said) -> None:
    """Keep a statement; the database refuses it once the edition is approved."""
    values = [edition.period_convention, edition.period, edition.version]
    values += [list(v) if isinstance(v, tuple) else v for v in (getattr(said, name) for name in _SAID)]
    connection.execute(
        f"insert into published.unit_statement (period_convention, period, version, {', '.join(_SAID)})"
        f" values ({', '.join(['%s'] * len(values))})".encode(),
        values,
    )


def statements(connection: psycopg.Connection[Any], edition: Edition) -> list[Statement]:
    """All that was said of an edition, oldest first."""
    columns = ", ".join(f.name for f in fields(Statement))
    with connection.cursor(row_factory=class_row(Statement)) as cursor:
        return cursor.execute(
            f"select {columns} from published.unit_statement {_BY_VERSION} order by statement_id".encode(),
            [edition.period_convention, edition.period, edition.version],
        ).fetchall()


def freeze(connection: psycopg.Connection[Any], edition: Edition) -> None:
    """Copy the statements into the contents of a draft that is about to be approved."""
    connection.execute(
        f"insert into published.unit_answer (edition_id, {UNIT_ANSWER.listed})"
        f" select %s, {UNIT_ANSWER.listed} from published.unit_statement {_BY_VERSION}".encode(),
        [edition.edition_id, edition.period_convention, edition.period, edition.version],
    )


def standing(found: Sequence[Statement], now: Mapping[str, str], at: datetime) -> dict[str, Stand]:
    """Where each unit that was asked stands.

    Args:
        found: all statements of the edition, oldest first.
        now: unit -> hash of its figures as the draft has them.
        at: the moment that deadlines are held against.
    """
    replied = {one.answers for one in found if one.kind == "replied"}
    stands: dict[str, Stand] = {}
    for unit in dict.fromkeys(one.agency_code for one in found if one.kind == "asked"):
        own = [one for one in found if one.agency_code == unit]
        deadline = max(one.deadline for one in own if one.deadline is not None)
        answers = [one for one in own if one.kind in ("confirmed", "contested")]
        last = [one for one in answers if one.file_sha256 == answers[-1].file_sha256]
        if not last:
            stands[unit] = "silent" if at > deadline else "waiting"
        elif last[-1].kind == "contested":
            stands[unit] = "answered" if all(one.statement_id in replied for one in last) else "contested"
        else:
            stands[unit] = "confirmed" if last[-1].shown == now.get(unit) else "changed"
    return stands


def stands(connection: psycopg.Connection[Any], edition: Edition, zone: ZoneInfo, at: datetime) -> dict[str, Stand]:
    """Where each unit that was asked about an edition stands."""
    found = statements(connection, edition)
    if not found:
        return {}
    figures, _, _ = products.kept_figures(connection, edition, zone)
    return standing(found, {unit.code: shown(figures, unit.code) for unit in figures.units}, at)


def condition(connection: psycopg.Connection[Any], period: Period, zone: ZoneInfo, at: datetime) -> Condition:
    """The line of the readiness page."""
    editions = store.editions(connection, period)
    found = stands(connection, editions[-1], zone, at) if editions else {}
    if not found:
        return Condition(
            "unit_answers", "note", "Chưa gửi dự thảo cho đơn vị nào kiểm tra.", "No unit was asked about its figures."
        )
    counts = {stand: sum(one == stand for one in found.values()) for stand in _VI}
    named = [(stand, count) for stand, count in counts.items() if count]
    deadline = max(one.deadline for one in statements(connection, editions[-1]) if one.deadline is not None)
    is_open = counts["contested"] + counts["silent"] + counts["changed"] > 0
    return Condition(
        "unit_answers",
        "open" if is_open else "note" if counts["waiting"] or counts["answered"] else "ok",
        f"{integer(len(found))} đơn vị được hỏi ý kiến (thời hạn {moment(deadline.astimezone(zone))}): "
        + ", ".join(f"{integer(count)} {_VI[stand]}" for stand, count in named)
        + ".",
        f"{len(found):,} units were asked (until {deadline.astimezone(zone):%Y-%m-%d %H:%M}): "
        + ", ".join(f"{count:,} {_EN[stand]}" for stand, count in named)
        + ".",
        counts["contested"],
    )
