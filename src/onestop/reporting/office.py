"""What the office adds to a report: its words about the period, its Word template, its layouts. Read when a draft is made.

The words stand in `<reports.narrative>/<convention>_<period>.yml`: shortcomings, causes, proposals (lists of paragraphs),
the document's number, and under `units` the same lists by a unit's code. Without the file the written report leaves lines
to fill in by hand.
"""

from __future__ import annotations

import unicodedata
from dataclasses import fields, replace

import yaml
from pydantic import TypeAdapter, ValidationError

from onestop.config import Settings
from onestop.errors import ConfigurationError
from onestop.periods import Period
from onestop.reporting.model import Narrative, OfficeWords, ReportFigures
from onestop.reporting.other_forms import layouts

_NARRATIVE = TypeAdapter(Narrative)


def narrative(settings: Settings, period: Period) -> Narrative:
    """What the office wrote of the period; nothing where it wrote nothing.

    Raises:
        ConfigurationError: the file cannot be read, or holds something else.
    """
    file = settings.narrative_path / f"{period.folder}.yml"
    try:
        found = yaml.safe_load(unicodedata.normalize("NFC", file.read_text(encoding="utf-8")))
        _check_keys(found or {}, Narrative)
        units = (found or {}).get("units") or {}
        if not isinstance(units, dict):
            raise ValueError("units: not the lists of each unit by its code")
        for words in units.values():
            _check_keys(words or {}, OfficeWords)
        return _NARRATIVE.validate_python(found or {})
    except FileNotFoundError:
        return Narrative()
    except (OSError, ValueError, TypeError, yaml.YAMLError, ValidationError) as problem:
        raise ConfigurationError(
            f"{file} cannot be used: {problem}",
            next_step="it has lists of texts, shortcomings, causes and proposals, a text number, and units (docs/editions.md)",
        ) from problem


def told(figures: ReportFigures, settings: Settings) -> ReportFigures:
    """The figures with what the office adds: what it wrote of their period, and its layouts of the other forms.

    Raises:
        ConfigurationError: a file cannot be used, or speaks of a unit without figures.
    """
    said = narrative(settings, figures.period)
    strange = sorted(said.units.keys() - {unit.code for unit in figures.units})
    if strange:
        raise ConfigurationError(
            f"{settings.narrative_path / figures.period.folder}.yml: units without figures: {', '.join(strange)}",
            next_step="correct the codes, as in agencies.csv",
        )
    return replace(figures, narrative=said, forms=layouts(settings, figures.metrics))


def _check_keys(found: dict[str, object], kind: type[OfficeWords]) -> None:
    keys = set(found) - {one.name for one in fields(kind)}
    if keys:
        raise ValueError(f"unknown: {', '.join(sorted(map(str, keys)))}")


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
