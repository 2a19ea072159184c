"""`onestop quality`: the quality page of a day, and GX's Data Docs of it."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import typer

from onestop import config
from onestop.cli.output import console, print_json, relative
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json
from onestop.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(quality)


def quality(
    day: Annotated[str | None, typer.Argument(help="The day, 2024-09-25; default: the newest with a delivery.")] = None,
    config_file: Config = DEFAULT_CONFIG,
    language: Annotated[
        Literal["vi", "en"] | None, typer.Option(help="Language of the page; default: reports.language.")
    ] = None,
    data_docs: Annotated[bool, typer.Option("--data-docs", help="Write GX's Data Docs too.")] = False,
    as_json: Json = False,
) -> None:
    """Write the quality page of a day: sources, rules, units, and what differs from the deliveries before.

    Example: onestop quality 2024-09-25 --data-docs
    """
    try:
        wanted = date.fromisoformat(day) if day else None
    except ValueError:
        raise ConfigurationError(f"{day!r} is not a day", next_step="write it as 2024-09-25") from None
    settings = config.load(config_file)
    from onestop.pipeline import quality_pages

    shown, page = quality_pages.quality_page(settings, wanted, language)
    paths = [page, *(quality_pages.quality_docs(settings, shown.day)[:1] if data_docs else [])]
    if as_json:
        names = ("received", "accepted", "quarantined", "duplicate", "refused", "waiting")
        counts = {name: shown.total(name) for name in names}
        broken = [r.rule_id for r in shown.rules]
        print_json({"day": shown.day, **counts, "rules_broken": sorted(set(broken)), "pages": paths})
    else:
        for path in paths:
            console.print(relative(path), highlight=False, markup=False, soft_wrap=True)
