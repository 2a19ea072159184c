"""The commands for rejected rows: list, export, replay, dismiss, reopen."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onestop import config
from onestop.cli.output import console, print_json, progress_line, relative, secret_free
from onestop.cli.steps import DEFAULT_CONFIG, AsOf, Config, Json
from onestop.quality.quarantine_status import Selection, Status

commands = typer.Typer(name="quarantine", help="Rejected rows: see them, have them corrected, take them back.")

Source = Annotated[str | None, typer.Option("--source", help="Only this source.")]
Unit = Annotated[str | None, typer.Option("--unit", help="Only this unit's code; ? means: no unit that is known.")]
Rule = Annotated[str | None, typer.Option("--rule", help="Only rows that broke this rule, such as OS-011.")]
Days = Annotated[int, typer.Option("--days", min=0, help="Only rows that wait for at least so many days.")]
EntityName = Annotated[str | None, typer.Option("--entity", help="dossier, payment, rating or feedback_case.")]
Ids = Annotated[list[int], typer.Argument(help="The rows' numbers, as `list` shows them.")]
By = Annotated[str, typer.Option("--by", help="Who decides; the history keeps it.")]
Reason = Annotated[str, typer.Option("--reason", help="Why, at least five characters; the history keeps it.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(commands, name="quarantine", no_args_is_help=True)


@commands.command("list")
def list_rows(
    config_file: Config = DEFAULT_CONFIG,
    source: Source = None,
    entity: EntityName = None,
    unit: Unit = None,
    rule: Rule = None,
    status: Annotated[Status, typer.Option(help="open, replayed, dismissed or any.")] = "open",
    days: Days = 0,
    limit: Annotated[int, typer.Option(min=0, help="At most so many rows; counts are always of all.")] = 50,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """What lies in quarantine: counts by rule and unit, then the rows. Never personal data.

    Example: onestop quarantine list --unit H15.07 --days 7
    """
    settings = config.load(config_file)
    wanted = Selection(source, entity, unit, rule, status, days)
    from onestop.pipeline.quarantine_export import listing

    found = listing(settings, wanted, as_of=config.now(settings, as_of), limit=limit)
    if as_json:
        print_json(found.as_dict())
        return
    console.print(f"{found.total:,} rows, the oldest {found.oldest_days} days old", highlight=False)
    for title, counts in (("rule", found.by_rule), ("unit", found.by_unit)):
        table = Table(title, "rows")
        for name, count in counts.items():
            table.add_row(name, f"{count:,}")
        if counts:
            console.print(table)
    table = Table("no", "source", "entity", "unit", "place", "code", "rules", "status", "days")
    for row in found.rows:
        where = (str(row.id), row.source, row.entity, row.unit, row.place, row.code)
        table.add_row(*map(secret_free, where), " ".join(row.rules), row.status, str(row.days))
    if found.rows:
        console.print(table)


@commands.command()
def export(
    output: Annotated[Path, typer.Option("--output", help="The folder for the workbooks; made if missing.")] = Path(
        "quarantine"
    ),
    config_file: Config = DEFAULT_CONFIG,
    source: Source = None,
    entity: EntityName = None,
    unit: Unit = None,
    rule: Rule = None,
    days: Days = 0,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """One Excel workbook per responsible unit, in Vietnamese: which row, what is wrong, what to correct.

    Example: onestop quarantine export --output to-correct
    """
    settings = config.load(config_file)
    wanted = Selection(source, entity, unit, rule, "open", days)
    from onestop.pipeline import quarantine_export

    done = quarantine_export.export(settings, wanted, output=output, as_of=config.now(settings, as_of))
    if as_json:
        print_json([asdict(one) for one in done])
        return
    for one in done:
        line = f"{relative(one.path)}: {one.rows:,} rows"
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if not done:
        console.print("no row waits")


@commands.command()
def replay(
    config_file: Config = DEFAULT_CONFIG,
    source: Source = None,
    rule: Rule = None,
    row: Annotated[list[int] | None, typer.Option("--row", help="Only this row; may be given several times.")] = None,
    by: Annotated[str, typer.Option("--by", help="Who wants it; the history keeps it.")] = "onestop",
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Judge rejected rows again after a rule or the reference data changed; those that pass go into the figures.

    Rows that were judged with the same rules and reference data before are left alone, unless named with --row.

    Example: onestop quarantine replay --rule OS-011
    """
    settings = config.load(config_file)
    now = config.now(settings, as_of)
    from onestop.pipeline import quarantine_replay

    wanted = quarantine_replay.Wanted(source, rule, row or None)
    with progress_line(quiet=as_json) as progress:
        results = quarantine_replay.replay(settings, as_of=now, wanted=wanted, by_whom=by, progress=progress)
    if as_json:
        print_json([asdict(one) for one in results])
        return
    table = Table("source", "entity", "judged", "replayed", "corrected", "still open", "other rules", "unreadable")
    for one in results:
        numbers = (one.judged, one.replayed, one.corrected, one.still_open, one.rules_changed, one.unreadable)
        table.add_row(one.source_id, one.entity, *(f"{n:,}" for n in numbers))
    console.print(table)


@commands.command()
def dismiss(
    row: Ids,
    by: By,
    reason: Reason,
    config_file: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Close rows that nobody will correct: they count nowhere and are listed no more.

    Example: onestop quarantine dismiss 12 17 --by "Trần Thị B" --reason "test records of the vendor"
    """
    _decide("dismiss", row, by, reason, config_file, as_of, as_json)


@commands.command()
def reopen(
    row: Ids,
    by: By,
    reason: Reason,
    config_file: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Take a dismissal back.

    Example: onestop quarantine reopen 12 --by "Trần Thị B" --reason "the office corrects it after all"
    """
    _decide("reopen", row, by, reason, config_file, as_of, as_json)


def _decide(what: str, row: list[int], by: str, reason: str, file: Path, as_of: str | None, as_json: bool) -> None:
    settings = config.load(file)
    from onestop.pipeline.quarantine_decisions import decide

    decide(settings, what == "reopen", row, by_whom=by, reason=reason, at=config.now(settings, as_of))
    if as_json:
        print_json({"rows": sorted(set(row)), "done": what})
    else:
        console.print(f"{len(set(row))} rows: {what}", highlight=False)
