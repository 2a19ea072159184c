"""Delivers a published edition: to the province's recipients all of its files, to a unit its own part only."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import psycopg

from onestop.config import Recipient, Settings
from onestop.delivery import letter, log
from onestop.delivery.courier import Courier, Delivered, Job
from onestop.delivery.log import Attempt
from onestop.delivery.parcel import Parcel
from onestop.errors import ConfigurationError, DeliveryFailed, OnestopError
from onestop.periods import Period
from onestop.pipeline.editions import somebody, warehouse
from onestop.reporting import unit_part
from onestop.reporting.answer_sheet import Question
from onestop.reporting.editions import products, store
from onestop.reporting.editions.model import Edition, person, reason_text
from onestop.reporting.model import ReportFigures
from onestop.reporting.wording import province_title

_UNITS = """
    select distinct unnest(chain_as_was || chain_as_is) from published.place where edition_id = %s
"""


@dataclass(frozen=True, slots=True)
class Deliveries:
    """Where each recipient of an edition stands."""

    edition: Edition
    all: tuple[Delivered, ...]

    @property
    def alerts(self) -> tuple[Delivered, ...]:
        """Those for which somebody must do something."""
        return tuple(one for one in self.all if one.is_alert)


def deliver(
    settings: Settings,
    period: Period,
    *,
    clock: Callable[[], datetime],
    by: str | None = None,
    version: int | None = None,
    retry: bool = False,
    again: str | None = None,
    reason: str | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Deliveries:
    """Send the published edition to whom it was not sent yet.

    Args:
        version: only if this is still the published edition.
        retry: try again what failed.
        again: a recipient's id: only this one, anew, whatever was sent before; for a `reason`, which is kept.

    Raises:
        OnestopError: no edition is published, or the one of `version` is not; or another delivery is under way.
        ConfigurationError: there are no recipients, or one is of a unit that the edition does not know.
    """
    who, wanted = person(by or somebody()), chosen(settings, again)
    said = reason_text(reason or "", "a delivery that is sent again needs a reason") if again else None
    with warehouse(settings) as connection, log.alone(connection, period):
        edition = _published(connection, period, version)
        figures, _, _ = products.kept_figures(connection, edition, settings.zone)
        check_units(connection, edition, figures, wanted)
        courier = Courier(connection, settings, edition, "edition", letter.office(figures), who, clock, sleep)
        whole = partial(_whole, connection, edition, figures)
        jobs = [
            Job(one, partial(part, edition, figures, one.unit) if one.unit else whole)
            for one in wanted
            if one.unit is None or has_figures(figures, one.unit)
        ]
        found = courier.bring(jobs, retry=retry, again=said)
    return Deliveries(edition, in_order(wanted, found))


def deliveries(settings: Settings, period: Period) -> list[Attempt]:
    """All attempts to deliver something of the period, oldest first."""
    with warehouse(settings) as connection:
        return log.attempts(log.rows(connection, period))


def part(edition: Edition, figures: ReportFigures, code: str, question: Question | None = None) -> Parcel:
    """What a unit gets. question: what it is asked of a draft."""
    is_draft = edition.sha256 is None
    files = {unit_part.file_name(code, is_draft=is_draft): unit_part.write_unit_part(figures, code, question)}
    folder = f"draft-{edition.edition_id}" if is_draft else edition.folder
    return _parcel(edition, figures, figures.unit(code).name, files, folder, question.answer_by if question else None)


def has_figures(figures: ReportFigures, code: str) -> bool:
    """Whether a unit has a part at all."""
    return any(unit.code == code for unit in figures.units)


def in_order(wanted: Sequence[Recipient], found: Sequence[Delivered]) -> tuple[Delivered, ...]:
    """One line per recipient; those whose unit has no figures say so."""
    by_id = {one.recipient: one for one in found}
    message = "the unit has no figures in this period: nothing to send"
    return tuple(
        by_id.get(one.id) or Delivered(one.id, one.unit, one.channel, one.address, "none", message) for one in wanted
    )


def check_units(
    connection: psycopg.Connection[Any], edition: Edition, figures: ReportFigures, wanted: Sequence[Recipient]
) -> None:
    """Raises ConfigurationError where a recipient is of a unit that the edition does not know; nothing was sent then."""
    known = {row[0] for row in connection.execute(_UNITS, [edition.edition_id]).fetchall()}
    known = (known | {unit.code for unit in figures.units}) - {figures.province_code}
    strange = [f"{one.id} ({one.unit})" for one in wanted if one.unit and one.unit not in known]
    if strange:
        raise ConfigurationError(
            f"delivery.recipients: {edition.name} knows no unit of {', '.join(strange)}; nothing was sent",
            next_step="correct the unit's code as in agencies.csv; whoever should have everything has no unit",
        )


def alarm(found: Deliveries) -> None:
    """Raises DeliveryFailed where something was not delivered, with whose it is and what to do."""
    if not found.alerts:
        return
    lines = [f"{one.recipient} ({one.channel}, {one.address}) {one.state}: {one.message}" for one in found.alerts]
    steps = [f"{one.recipient}: {one.next_step}" for one in found.alerts]
    raise DeliveryFailed(
        f"{found.edition.name}: {len(lines)} of {len(found.all)} recipients did not surely get theirs:\n"
        + "\n".join(lines),
        next_step="; ".join(steps),
        about=str(found.edition.value),
        retryable=all(one.state == "failed" for one in found.alerts),
    )


def chosen(settings: Settings, again: str | None) -> tuple[Recipient, ...]:
    """The recipients, or the one of that id. Raises ConfigurationError where there is none."""
    everybody = settings.delivery.recipients
    if not everybody:
        raise ConfigurationError(
            f"{settings.file.name} names nobody to deliver to",
            next_step="write delivery.recipients (docs/configuration.md)",
        )
    if again is None:
        return everybody
    found = tuple(one for one in everybody if one.id == again)
    if not found:
        known = ", ".join(one.id for one in everybody)
        raise ConfigurationError(
            f"{settings.file.name} has no recipient {again!r}", next_step=f"choose one of: {known}"
        )
    return found


def _published(connection: psycopg.Connection[Any], period: Period, version: int | None) -> Edition:
    served = [one for one in store.editions(connection, period) if one.status == "published"]
    if not served:
        raise OnestopError(
            f"{period}: no edition is published", next_step=f"publish one first: onestop quarter publish {period}"
        )
    if version not in (None, served[0].version):
        asked = store.edition(connection, period, version)
        raise OnestopError(
            f"{asked.name} is {asked.status}; only what is published is delivered, which is edition {served[0].version}",
            next_step=f"deliver that one: onestop quarter deliver {period}",
        )
    return served[0]


def _whole(connection: psycopg.Connection[Any], edition: Edition, figures: ReportFigures) -> Parcel:
    """All files of the edition, as stored. Raises OnestopError where their bytes are not those that were published."""
    kept = products.kept(connection, edition)
    changed = [name for name, (content, sha256, _) in kept.items() if store.file_hash(content) != sha256]
    if changed or not kept:
        raise OnestopError(
            f"{edition.name}: the stored files are not those that were published: {', '.join(changed) or 'none is there'}",
            next_step=f"find out what was changed: onestop quarter verify {edition.value}",
        )
    files = {name: content for name, (content, _, _) in kept.items()}
    return _parcel(edition, figures, f"UBND {province_title(figures.province_name)}", files, edition.folder)


def _parcel(
    edition: Edition,
    figures: ReportFigures,
    whose: str,
    files: Mapping[str, bytes],
    folder: str,
    answer_by: datetime | None = None,
) -> Parcel:
    bare = Parcel(files, f"{edition.value.folder}/{folder}", letter.subject(figures, whose), "")
    return Parcel(bare.files, bare.folder, bare.subject, letter.text(figures, whose, bare.hashes, answer_by))
