"""The commands `quarter ask` and `quarter answers`: units see their figures of a draft, and say what they think of them."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onestop import config, periods
from onestop.cli.delivery import Again, AgainReason, Retry, show
from onestop.cli.output import console, print_json
from onestop.cli.quarter import By, Period, Version, quarter
from onestop.cli.steps import DEFAULT_CONFIG, AsOf, Config, Json


def register() -> None:
    """Add these commands to the group `quarter`."""
    for command in (ask, answers):
        quarter.command()(command)


def ask(
    period: Period,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The last day to answer, to 17:00; default: delivery.answer_days."),
    ] = None,
    retry: Retry = False,
    again: Again = None,
    reason: AgainReason = None,
    config_file: Config = DEFAULT_CONFIG,
    by: By = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Send each unit its part of the draft with a sheet to answer on; exit code 1 where one did not surely get it.

    Example: onestop quarter ask 2024-Q3 --until 2024-09-19
    """
    from onestop.pipeline import undelivered, unit_answers

    wanted, settings = periods.parse(period), config.load(config_file)
    found = unit_answers.ask(
        settings,
        wanted,
        clock=partial(config.now, settings, as_of),
        by=by,
        until=until.date() if until else None,
        retry=retry,
        again=again,
        reason=reason,
    )
    undelivered.look_again(settings, config.now(settings, as_of))
    show(found, as_json)


def answers(
    period: Period,
    files: Annotated[
        list[Path] | None, typer.Option("--import", help="A workbook that a unit sent back; may be given often.")
    ] = None,
    reply: Annotated[int | None, typer.Option(help="Reply to the contested figure of this number.")] = None,
    words: Annotated[str | None, typer.Option(help="What is replied.")] = None,
    version: Version = None,
    config_file: Config = DEFAULT_CONFIG,
    by: By = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Read what units sent back, reply to what they contest, and list what was said and where each stands.

    Example: onestop quarter answers 2024-Q3 --import so-tu-phap.xlsx
    """
    from onestop.pipeline import unit_answers

    wanted, settings = periods.parse(period), config.load(config_file)
    now = config.now(settings, as_of)
    taken = unit_answers.take(settings, wanted, files, at=now) if files else []
    if reply is not None:
        unit_answers.reply(settings, wanted, reply, words or "", at=now, by=by)
    found = unit_answers.answers(settings, wanted, at=now, version=version)
    if as_json:
        content = {"period": str(wanted), "edition": found.edition.version, "stands": found.stands}
        imported = [{"file": file.name, "said": said} for file, said in taken]
        print_json(content | {"imported": imported, "statements": [asdict(one) for one in found.statements]})
        return
    for file, said in taken:
        console.print(f"{file.name}: {said}", highlight=False, markup=False)
    table = Table("number", "unit", "what", "column", "dossiers", "words", "by", "when")
    for one in found.statements:
        what = one.kind if one.answers is None else f"{one.kind} to {one.answers}"
        when = f"{one.happened_at.astimezone(settings.zone):%Y-%m-%d %H:%M}"
        said = one.words or (f"until {one.deadline.astimezone(settings.zone):%Y-%m-%d %H:%M}" if one.deadline else "")
        codes = ", ".join(one.dossier_codes)
        table.add_row(
            str(one.statement_id), one.agency_code, what, one.column_name or "", codes, said, one.by_whom, when
        )
    console.print(table)
    for unit, stand in found.stands.items():
        console.print(f"{unit}: {stand}", highlight=False)
