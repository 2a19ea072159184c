"""The step `reconcile`: what province and portal say of a period, and a workbook for every unit that must act."""

from __future__ import annotations

import logging
import os
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from onestop.config import Settings
from onestop.errors import DataRefused, OnestopError
from onestop.logs import say
from onestop.periods import Period
from onestop.pipeline.ingest_result import Progress
from onestop.reporting import reconciliation as figures
from onestop.reporting.reconciliation import Reconciliation
from onestop.reporting.reconciliation_workbook import write_workbook
from onestop.warehouse.connection import connect, warehouse_dsn

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Reconciled:
    """The figures, and the workbooks written."""

    found: Reconciliation
    workbooks: list[Path]

    def refuse_over_limit(self) -> None:
        """For callers to whom a difference above the province's limit is a failure.

        Raises:
            DataRefused: the share of differing dossiers is above `reconcile.limit`.
        """
        found = self.found
        if found.is_over_limit:
            raise DataRefused(
                f"{found.differing:,} of {found.compared:,} dossiers of {found.period} differ between province and portal"
                f" ({found.share:.2%}; the limit is {found.limit:.2%})",
                next_step=f"read `onestop reconcile {found.period}` and give each unit its workbook",
            )


def reconcile(
    settings: Settings, period: Period, *, agency: str | None = None, progress: Progress | None = None
) -> Reconciled:
    """Read the reconciliation of a period and write a workbook per unit that has something to do or to answer.

    Workbooks go to `<reports.path>/<convention>_<period>/reconciliation/`; those of an earlier call are replaced, and
    removed where a unit has nothing open any more (with `agency`: that unit's alone).

    Raises:
        OnestopError: the models were not built, do not hold the period, or the folder cannot be written.
    """
    folder = settings.reports_path / period.folder / "reconciliation"
    with closing(connect(warehouse_dsn(settings, "publisher"), role="publisher")) as connection:
        found = figures.read(
            connection,
            period,
            province_code=settings.province.code,
            zone=settings.zone,
            agency=agency,
            limit=settings.reconcile.limit,
        )
        written = []
        names = {row["agency_code"]: row["agency_name_vi"] or row["agency_code"] for row in found.units}
        for done, (code, name) in enumerate(names.items()):
            if progress:
                progress("reconcile: workbooks", done)
            content = _workbook(connection, found, code, name)
            if content is not None:
                written.append(_replace(folder / f"{_file_name(code)}.xlsx", content))
    if folder.is_dir():
        for old in folder.glob("*.xlsx"):
            if old not in written and (agency is None or old.stem == _file_name(agency)):
                old.unlink()
    counts = {"compared": found.compared, "differing": found.differing, "workbooks": len(written)}
    say(_log, "reconciled", period=str(period), **counts)
    return Reconciled(found, written)


def _workbook(connection: psycopg.Connection[Any], found: Reconciliation, code: str, name: str) -> bytes | None:
    """The workbook of a unit; None where it would be empty."""
    lists = [read(connection, found.period, code) for read in (
        figures.differences, figures.disagreements, figures.questions
    )]  # fmt: skip
    if not any(lists):
        return None
    differing, lateness, asked = lists
    return write_workbook(
        unit=f"{name} ({code})",
        period=found.period,
        known_at=found.known_at,
        differences=differing,
        lateness=lateness,
        questions=asked,
    )


def _file_name(code: str) -> str:
    """A unit's code as the name of a file: a code comes from a source, a path does not."""
    return "".join(c if c.isalnum() or c in ".-_" else "_" for c in code).lstrip(".") or "_"


def _replace(path: Path, content: bytes) -> Path:
    """Write a file whole or not at all."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except OSError as problem:
        raise OnestopError(
            f"{path} cannot be written: {problem.strerror}",
            next_step="make room, or set reports.path to another folder",
        ) from problem
    return path
