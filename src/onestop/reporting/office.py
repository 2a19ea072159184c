"""What the office adds to a report: its words about the period, its Word template, its layouts. Read when a draft is made.

The words stand in `<reports.narrative>/<convention>_<period>.yml`: shortcomings, causes, proposals (lists of paragraphs)
and the document's number. Without the file the written report leaves lines to fill in by hand.
"""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import yaml
from pydantic import TypeAdapter, ValidationError

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.periods import Period
from onestop.reporting.model import Narrative, ReportFigures
from onestop.reporting.other_forms import layouts

_NARRATIVE = TypeAdapter(Narrative)


def with_office(figures: ReportFigures, settings: Settings) -> ReportFigures:
    """The figures with what the office adds to them; see `narrative` and `other_forms.layouts`.

    Raises:
        ConfigurationError: a file of the office cannot be used.
    """
    return replace(figures, narrative=narrative(settings, figures.period), forms=layouts(settings, figures.metrics))


def narrative(settings: Settings, period: Period) -> Narrative:
    """What the office wrote of the period; nothing where it wrote nothing.

    Raises:
        ConfigurationError: the file cannot be read, or holds something else.
    """
    file = settings.narrative_path / f"{period.folder}.yml"
    try:
        found = yaml.safe_load(unicodedata.normalize("NFC", file.read_text(encoding="utf-8")))
        keys = set(found or {}) - set(Narrative.__dataclass_fields__)
        if keys:
            raise ValueError(f"unknown: {', '.join(sorted(map(str, keys)))}")
        return _NARRATIVE.validate_python(found or {})
    except FileNotFoundError:
        return Narrative()
    except (OSError, ValueError, TypeError, yaml.YAMLError, ValidationError) as problem:
        raise ConfigurationError(
            f"{file} cannot be used: {problem}",
            next_step="it has lists of texts, shortcomings, causes and proposals, and a text number (docs/editions.md)",
        ) from problem


def own_template(settings: Settings) -> bytes | None:
    """The office's own Word template; None: the package's.

    Raises:
        ConfigurationError: it is set and cannot be read.
    """
    path = settings.template_path
    try:
        return path.read_bytes() if path else None
    except OSError as problem:
        raise ConfigurationError(
            f"reports.template: {path} cannot be read: {problem.strerror or problem}",
            next_step="correct the path in province.yml, or take the line out",
        ) from problem
