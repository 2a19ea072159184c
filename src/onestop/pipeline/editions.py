"""The steps of a published quarter as commands and DAG tasks call them: each opens the warehouse, does one thing, closes."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.pipeline.warehouse_faults import explained
from onestop.reporting import former, office_suite
from onestop.reporting.editions import diff as diffs
from onestop.reporting.editions import explain as explaining
from onestop.reporting.editions import life, products, store
from onestop.reporting.editions import readiness as conditions
from onestop.reporting.editions import verify as verified
from onestop.reporting.editions.build import newest_build
from onestop.reporting.editions.model import Edition, Reason
from onestop.warehouse.connection import connect
from onestop.warehouse.migrations import migrated


@dataclass(frozen=True, slots=True)
class Drafted:
    """A draft; `is_behind`: something was loaded after the models were built, and is not in it."""

    edition: Edition
    is_behind: bool


def draft(settings: Settings, period: Period, *, at: datetime, by: str | None = None) -> Drafted:
    """Make or replace the period's draft."""
    with warehouse(settings) as connection:
        build = newest_build(connection)
        made = life.draft(connection, settings, period, at=at, by=by or somebody())
        return Drafted(made, build.is_behind)


def restate(
    settings: Settings, period: Period, *, at: datetime, reason: str, code: Reason | None = None, by: str | None = None
) -> Drafted:
    """Draft the next version of an approved or published period."""
    with warehouse(settings) as connection:
        build = newest_build(connection)
        made = life.restate(connection, settings, period, at=at, by=by or somebody(), reason=reason, code=code)
        return Drafted(made, build.is_behind)


def approve(
    settings: Settings, period: Period, *, at: datetime, by: str | None = None, edition_id: int | None = None
) -> Edition:
    """Freeze the period's draft; with `edition_id` only if it is still this one."""
    with warehouse(settings) as connection:
        two_persons = settings.editions.two_persons
        return life.approve(
            connection, period, at=at, by=by or somebody(), two_persons=two_persons, edition_id=edition_id
        )


def refuse(settings: Settings, period: Period, *, at: datetime, reason: str, by: str | None = None) -> Edition:
    """Note that the period's draft was refused, and why."""
    with warehouse(settings) as connection:
        return life.refuse(connection, period, at=at, by=by or somebody(), reason=reason)


def publish(settings: Settings, period: Period, *, at: datetime, by: str | None = None) -> life.Published:
    """Publish the period's approved edition."""
    with warehouse(settings) as connection:
        return life.publish(connection, settings, period, at=at, by=by or somebody())


def import_former(settings: Settings, file: Path, *, at: datetime, by: str | None = None) -> former.Imported:
    """Keep a file's former quarters; all of its rows or none.

    Raises:
        ConfigurationError: the file holds something else.
    """
    rows, sha256 = former.read_file(file)
    with warehouse(settings) as connection:
        return former.keep(connection, rows, file=file.name, sha256=sha256, at=at, by=by or somebody())


def files(settings: Settings, period: Period, version: int | None = None, *, word_as_pdf: bool = False) -> list[Path]:
    """Write the stored files of a published edition into its folder again.

    Args:
        word_as_pdf: also the Word report as LibreOffice prints it, beside the folder; it is no part of the edition.

    Raises:
        OnestopError: the edition was never published, or LibreOffice is not there.
    """
    with warehouse(settings) as connection:
        edition = store.edition(connection, period, version)
        kept = products.kept(connection, edition)
        if not kept:
            raise OnestopError(
                f"{edition.name} is {edition.status}: it has no files",
                next_step=f"publish it first: onestop quarter publish {period}",
            )
        written = products.write(settings, edition, {name: content for name, (content, _, _) in kept.items()})
    if word_as_pdf:
        word = next(path for path in written if path.suffix == ".docx")
        printed = word.parent.with_name(f"{word.parent.name}-{word.stem}-word.pdf")
        printed.write_bytes(office_suite.to_pdf(word.read_bytes(), word.suffix))
        written.append(printed)
    return written


def history(settings: Settings, period: Period) -> tuple[list[Edition], list[dict[str, Any]]]:
    """The period's editions and all that was done with them."""
    with warehouse(settings) as connection:
        return store.editions(connection, period), store.events(connection, period)


def diff(settings: Settings, period: Period, *, version: int | None = None, agency: str | None = None) -> diffs.Diff:
    """An edition beside the one before."""
    with warehouse(settings) as connection:
        return diffs.diff(connection, period, version=version, agency=agency)


def verify(settings: Settings, period: Period, *, head: str | None = None) -> verified.Verified:
    """Look for any changed byte."""
    with warehouse(settings) as connection:
        return verified.verify(connection, settings, period, head=head)


def readiness(settings: Settings, period: Period, *, at: datetime) -> conditions.Readiness:
    """A line per condition."""
    with warehouse(settings) as connection:
        return conditions.readiness(connection, settings, period, at=at)


def explain(
    settings: Settings,
    period: Period,
    metric: str,
    agency: str,
    *,
    field: str = "*",
    org_view: str = "as_was",
    version: int | None = None,
) -> explaining.Explained:
    """From a figure down to what it counts."""
    with warehouse(settings) as connection:
        return explaining.explain(connection, period, metric, agency, field=field, org_view=org_view, version=version)


def somebody() -> str:
    """Who acts where nobody is named: the system's user."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


@contextmanager
def warehouse(settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """A connection to the migrated warehouse, each step's own transaction to make."""
    dsn = migrated(settings, "publisher")
    with explained("editions"), closing(connect(dsn, autocommit=True, role="publisher")) as connection:
        yield connection
