"""The life of an edition: drafted, approved, published, superseded. Each step is one transaction, and noted.

A draft may be replaced as often as one likes; approving freezes its contents and chains it to the edition before;
publishing renders its files from those contents and supersedes what was published before. A later truth is a restatement:
the next version, with a reason.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from onestop import __version__
from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.reporting.editions import canonical, drafting, moved, products, store, unit_answers
from onestop.reporting.editions.build import newest_build
from onestop.reporting.editions.model import Edition, Reason, person, reason_text, same_person
from onestop.reporting.editions.readiness import gaps
from onestop.reporting.editions.tables import TABLES
from onestop.reporting.figures import load_figures
from onestop.reporting.office import own_template, told

Progress = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Published:
    """A published edition, its files, and the version that it took the place of."""

    edition: Edition
    files: list[Path]
    superseded: int | None


def draft(connection: psycopg.Connection[Any], settings: Settings, period: Period, *, at: datetime, by: str) -> Edition:
    """Make the period's draft from the built models, replacing the draft before.

    Raises:
        OnestopError: the newest edition is approved or published, or the models do not hold the period.
    """
    with connection.transaction():
        store.lock(connection, period)
        found = store.editions(connection, period)
        newest = found[-1] if found else None
        if newest and newest.status != "draft":
            raise OnestopError(
                f"{newest.name} is {newest.status}; a draft never takes its place",
                next_step=f"make the next edition, with a reason: onestop quarter restate {period} --reason '...'",
            )
        code, reason = (newest.reason_code, newest.reason) if newest else (None, None)
        return _write_draft(connection, settings, period, newest, found, at=at, by=by, code=code, reason=reason)


def restate(
    connection: psycopg.Connection[Any],
    settings: Settings,
    period: Period,
    *,
    at: datetime,
    by: str,
    reason: str,
    code: Reason | None = None,
) -> Edition:
    """Draft the next version of an approved or published period, with its reason; replaces such a draft.

    Without a code the reason is the one for which most dossiers moved.

    Raises:
        OnestopError: nothing was approved yet, or the models do not hold the period.
    """
    said = reason_text(reason)
    with connection.transaction():
        store.lock(connection, period)
        found = store.editions(connection, period)
        if not found or (found[-1].status == "draft" and found[-1].version == 1):
            raise OnestopError(
                f"{period}: no edition was approved yet, so there is nothing to restate",
                next_step=f"draft it: onestop quarter draft {period}",
            )
        old = found[-1] if found[-1].status == "draft" else None
        return _write_draft(
            connection, settings, period, old, found, at=at, by=by, code=code, reason=said, is_derived=code is None
        )


def _write_draft(
    connection: psycopg.Connection[Any],
    settings: Settings,
    period: Period,
    old: Edition | None,
    found: list[Edition],
    *,
    at: datetime,
    by: str,
    code: Reason | None,
    reason: str | None,
    is_derived: bool = False,
) -> Edition:
    build, who = newest_build(connection), person(by)
    figures = load_figures(
        connection,
        period,
        settings.province.code,
        province_name=settings.province.name_vi,
        known_at=build.known_at,
        zone=settings.zone,
        all_units=True,
    )
    if old:
        store.remove_draft(connection, old)
    before = [one for one in found if one.status != "draft"]
    version = len(before) + 1
    edition_id = store.add_draft(
        connection,
        period,
        version=version,
        known_at=build.known_at,
        is_preliminary=figures.is_preliminary,
        at=at,
        by=who,
        reason_code=code or ("other" if reason else None),
        reason=reason,
        code_version=__version__,
    )
    missing = gaps(connection, settings, period, at=build.known_at)
    figures = replace(told(figures, settings), gaps=missing, least=settings.reports.small_cells)
    text = products.as_text(figures, settings.reports.language, own_template(settings))
    drafting.fill(connection, edition_id, period, build.known_at, text)
    if before:
        moved.keep_moved(
            connection,
            edition_id,
            before[-1].edition_id,
            known_at=build.known_at,
            known_before=before[-1].known_at,
            is_other_program=before[-1].code_version != __version__,
        )
        main = moved.main_reason(connection, edition_id)
        if is_derived and main:
            connection.execute(
                "update published.edition set reason_code = %s where edition_id = %s", [main, edition_id]
            )
    store.add_event(connection, period, version, "drafted", by=who, at=at, reason=reason)
    return store.edition(connection, period)


def approve(
    connection: psycopg.Connection[Any],
    period: Period,
    *,
    at: datetime,
    by: str,
    two_persons: bool = False,
    edition_id: int | None = None,
) -> Edition:
    """Freeze the draft: hash its contents, chain it to the edition before, note who approved.

    Raises:
        OnestopError: there is no draft, it is not the one of `edition_id` any more, or with `two_persons` who drafted it
            would approve it.
    """
    who = person(by)
    with connection.transaction():
        store.lock(connection, period)
        found = store.edition(connection, period)
        if found.status != "draft":
            raise OnestopError(
                f"{found.name} is {found.status}; only a draft is approved",
                next_step=f"a later truth is a new edition: onestop quarter restate {period} --reason '...'",
            )
        if edition_id not in (None, found.edition_id):
            raise OnestopError(
                f"{found.name} was drafted anew since it was shown for approval",
                next_step="read the new draft, then approve that one",
            )
        if two_persons and same_person(found.drafted_by, who):
            raise OnestopError(
                f"{found.name} was drafted by {found.drafted_by}, who may not approve it, too (editions.two_persons)",
                next_step="let another person approve it",
            )
        before = (found.version > 1 and store.edition(connection, period, found.version - 1)) or None
        unit_answers.freeze(connection, found)
        contents = {table.name: canonical.hashed(connection, found.edition_id, table) for table in TABLES}
        store.keep_contents(connection, found.edition_id, contents.items())
        becoming = replace(found, approved_at=at, approved_by=who, previous_sha256=before.sha256 if before else None)
        manifest = canonical.manifest(becoming, contents)
        connection.execute(
            "update published.edition set status = 'approved', approved_at = %s, approved_by = %s, previous_sha256 = %s,"
            " manifest = %s, sha256 = %s where edition_id = %s",
            [at, who, becoming.previous_sha256, manifest, canonical.sha256(manifest), found.edition_id],
        )
        store.add_event(connection, period, found.version, "approved", by=who, at=at)
        return store.edition(connection, period)


def refuse(connection: psycopg.Connection[Any], period: Period, *, at: datetime, by: str, reason: str) -> Edition:
    """Note that a draft was refused, and why; it stays a draft, to be drafted anew.

    Raises:
        OnestopError: there is no draft.
    """
    who, said = person(by), reason_text(reason)
    with connection.transaction():
        store.lock(connection, period)
        found = store.edition(connection, period)
        if found.status != "draft":
            raise OnestopError(f"{found.name} is {found.status}; only a draft is refused")
        store.add_event(connection, period, found.version, "refused", by=who, at=at, reason=said)
        return found


def publish(
    connection: psycopg.Connection[Any], settings: Settings, period: Period, *, at: datetime, by: str
) -> Published:
    """Render the approved edition's files from what it keeps, store and write them, supersede the edition before.

    Raises:
        OnestopError: the newest edition is not approved, or its folder cannot be written.
    """
    who = person(by)
    with connection.transaction():
        store.lock(connection, period)
        found = store.edition(connection, period)
        if found.status != "approved":
            step = {"draft": f"approve it first: onestop quarter approve {period} --by '...'"}
            raise OnestopError(
                f"{found.name} is {found.status}; only an approved edition is published",
                next_step=step.get(found.status, f"for other figures: onestop quarter restate {period} --reason '...'"),
            )
        files = products.render_edition(connection, found, settings.zone)
        products.keep(connection, found, files)
        served = [one for one in store.editions(connection, period) if one.status == "published"]
        for one in served:
            connection.execute(
                "update published.edition set status = 'superseded', superseded_at = %s where edition_id = %s",
                [at, one.edition_id],
            )
            store.add_event(connection, period, one.version, "superseded", by=who, at=at)
        connection.execute(
            "update published.edition set status = 'published', published_at = %s, published_by = %s"
            " where edition_id = %s",
            [at, who, found.edition_id],
        )
        hashes = {name: store.file_hash(content) for name, content in files.items()}
        store.add_event(
            connection, period, found.version, "published", by=who, at=at, details=canonical.as_json({"files": hashes})
        )
        # Written before the commit: without them nothing is published, and a commit that fails leaves only files.
        paths = products.write(settings, found, files)
    return Published(store.edition(connection, period), paths, served[-1].version if served else None)
