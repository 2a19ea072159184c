"""Commands around the models: freshness, docs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from onestop import config
from onestop.cli.output import console, print_json, relative
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json

if TYPE_CHECKING:
    from onestop.transform.freshness import Freshness

_COLOURS = {"fresh": "green", "late": "yellow", "very late": "red"}


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (freshness, docs):
        app.command()(command)


def freshness(config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Look how old the newest delivery of each kind of source is. A late one is shown; nothing waits for it.

    Example: onestop freshness
    """
    settings = config.load(config_file)
    from onestop.pipeline import models

    found = models.check_freshness(settings)
    if as_json:
        print_json([asdict(f) for f in found])
    else:
        console.print(freshness_table(found))


def docs(
    config_file: Config = DEFAULT_CONFIG,
    output: Annotated[
        Path | None, typer.Option(help="The page to write; default: .local/docs/models.html beside province.yml.")
    ] = None,
) -> None:
    """Write the models' documentation as one page that opens from a file: every table, column, rule, test and owner.

    Example: onestop docs --output models.html
    """
    settings = config.load(config_file)
    from onestop.pipeline import models

    page = models.write_docs(settings, output)
    console.print(f"written: {relative(page)}", highlight=False, markup=False, soft_wrap=True)


def freshness_table(found: Iterable[Freshness]) -> Table:
    """How old each source table is, for people."""
    table = Table("source table", "newest delivery", "age", "late after", "verdict")
    for f in found:
        table.add_row(
            f.table,
            f"{f.loaded_at:%Y-%m-%d %H:%M}" if f.loaded_at else "never",
            "" if f.age_seconds is None else _span(f.age_seconds),
            _span(f.warn_after_seconds),
            f"[{_COLOURS[f.status]}]{f.status}[/]",
        )
    return table


def _span(seconds: float) -> str:
    hours = seconds / 3600
    return f"{hours:.0f} h" if hours < 72 else f"{hours / 24:.0f} days"
