"""Writes the draft of a period's report: `<reports>/<convention>_<period>/draft/`, replaced whole or not at all.

Approved and published editions lie beside it in folders of their own (edition-N) and are never touched; so do reports
of a past state of knowledge (known-at-<moment>), which are no drafts: nobody approves them.
"""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg

from onestop.config import Settings
from onestop.errors import OnestopError
from onestop.periods import Period
from onestop.reporting.data_package import write_data_package
from onestop.reporting.document import contents
from onestop.reporting.document_pdf import write_pdf
from onestop.reporting.document_word import write_word
from onestop.reporting.figures import load_figures
from onestop.reporting.model import ReportFigures
from onestop.reporting.office import own_template, told
from onestop.reporting.other_workbook import write_other_workbook
from onestop.reporting.page import write_page
from onestop.reporting.public import has_rate, numbers
from onestop.reporting.wording import Language, province_title
from onestop.reporting.workbook import write_workbook

WORKBOOK = "bieu-ii-06a.xlsx"
OTHER_FORMS = "bieu-khac.xlsx"
PAGE = "bao-cao.html"
FIGURES = "figures.json"
WORD = "bao-cao.docx"
PDF = "bao-cao.pdf"
DATA = "du-lieu.zip"
PRODUCTS = (WORKBOOK, OTHER_FORMS, WORD, PDF, PAGE, FIGURES, DATA)
DRAFT = "draft"


def draft(
    connection: psycopg.Connection[Any],
    settings: Settings,
    period: Period,
    known_at: datetime,
    *,
    unit_sheets: Sequence[str] = (),
    folder: str = DRAFT,
) -> list[Path]:
    """Read the period's figures and write its draft.

    Args:
        connection: to the warehouse; only read from.
        settings: province, language and the reports' path.
        period: what to report on.
        known_at: the moment whose knowledge the warehouse was built with; aware.
        unit_sheets: codes of units that get a sheet of their own in the workbook.
        folder: the folder under the period's own.

    Returns:
        The files, workbook first.

    Raises:
        OnestopError: the warehouse does not hold the period, its figures do not add up, or the files cannot be written.
    """
    figures = load_figures(
        connection,
        period,
        settings.province.code,
        province_name=settings.province.name_vi,
        known_at=known_at,
        zone=settings.zone,
        unit_forms=unit_sheets,
    )
    return write_draft(told(figures, settings), settings, folder)


def write_draft(figures: ReportFigures, settings: Settings, folder: str = DRAFT) -> list[Path]:
    """Write the products of figures already read; see `draft`."""
    status = "draft" if folder == DRAFT else "known_at"
    return write_products(
        settings, figures.period, folder, render(figures, settings.reports.language, status, own_template(settings))
    )


def render(
    figures: ReportFigures,
    language: Language,
    status: str,
    template: bytes | None = None,
    public: ReportFigures | None = None,
) -> dict[str, bytes]:
    """The products by file name. The same figures give the same bytes.

    Args:
        figures: what offices read: form, other forms, written report.
        language: of the page.
        status: as in figures.json.
        template: the office's own Word template.
        public: what the public reads, where that is less (reporting.public): page, figures.json, data package.

    Raises:
        ConfigurationError: the template cannot be filled.
    """
    said, public = contents(figures), public or figures
    return {
        WORKBOOK: write_workbook(figures),
        OTHER_FORMS: write_other_workbook(figures),
        WORD: write_word(said, figures.known_at, template),
        PDF: write_pdf(said, figures.known_at),
        PAGE: write_page(public, language).encode(),
        FIGURES: _as_json(public, status).encode(),
        DATA: write_data_package(public, status),
    }


def write_products(settings: Settings, period: Period, folder: str, products: Mapping[str, bytes]) -> list[Path]:
    """Replace a folder of the period's reports, whole or not at all.

    Raises:
        OnestopError: it cannot be written.
    """
    home = settings.reports_path / period.folder
    try:
        home.mkdir(parents=True, exist_ok=True)
        with _alone(home):
            _replace(home, folder, products)
    except OSError as problem:
        raise OnestopError(
            f"{period}: {problem.filename or home} cannot be written: {problem.strerror or problem}",
            next_step="free some space or correct the folder's rights (reports.path in province.yml), then ask again",
        ) from problem
    return [home / folder / name for name in products]


def _as_json(figures: ReportFigures, status: str) -> str:
    """The machine-readable headline: the province's row, and what it is."""
    now, period = figures.province, figures.period
    is_shown = has_rate(figures, figures.province_code)
    content: dict[str, Any] = {
        "status": status,
        "period_convention": period.convention,
        "period": period.name,
        "period_from": period.first.isoformat(),
        "period_to": period.last.isoformat(),
        "org_view": "as_was",
        "known_at": figures.known_at.isoformat(),
        "is_preliminary": figures.is_preliminary,
        "agency_code": figures.province_code,
        "agency_name_vi": province_title(figures.province_name),
        "form_ii_06a": numbers(figures, figures.province_code, now),
        "on_time_rate": {
            "numerator": now.resolved_in_time if is_shown else None,
            "denominator": now.resolved_total if is_shown else None,
            "value": now.resolved_in_time / now.resolved_total if now.resolved_total and is_shown else None,
        },
        "quarantined_open": figures.quarantined,
        "expected": [{**asdict(one), "missing_share": one.missing_share} for one in figures.expected],
    }
    if figures.edition:
        mark = figures.edition
        content["edition"] = {"version": mark.version, "sha256": mark.sha256, "reason": mark.reason}
        content["edition"] |= {"approved_by": mark.approved_by, "approved_at": mark.approved_at.isoformat()}
    return json.dumps(content, ensure_ascii=False, indent=2) + "\n"


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """One writer of a period's drafts at a time; the lock goes with the process that holds it."""
    with (home / ".draft.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _replace(home: Path, folder: str, products: Mapping[str, bytes]) -> None:
    """Build the new folder beside the old one, then swap; what a killed run left behind is swept first."""
    target, new, old = home / folder, home / f".{folder}-new", home / f".{folder}-old"
    if old.exists() and not target.exists():
        old.rename(target)
    for leftover in (new, old):
        if leftover.exists():
            shutil.rmtree(leftover)
    try:
        new.mkdir()
        for name, content in products.items():
            (new / name).write_bytes(content)
        if target.exists():
            target.rename(old)
        try:
            new.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
    except OSError:
        shutil.rmtree(new, ignore_errors=True)
        raise
    shutil.rmtree(old, ignore_errors=True)
