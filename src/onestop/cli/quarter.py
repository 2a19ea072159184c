"""The commands `quarter ...`: the life of a published quarter, what changed in it, and whether it is untouched."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from onestop import config, periods
from onestop.cli.output import console, error_console, plain_number, print_json, relative, write_csv
from onestop.cli.steps import DEFAULT_CONFIG, AsOf, Config, Json

Period = Annotated[str, typer.Argument(help="2024-Q3 or calendar:2024-Q3.")]
By = Annotated[str | None, typer.Option(help="Who does it; default: the system's user.")]
Version = Annotated[int | None, typer.Option("--edition", help="Which edition; default: the newest.")]
MOST_CELLS = 15

quarter = typer.Typer(
    help="The life of a published quarter: draft, approve, publish, restate; diff and verify.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)


def register(app: typer.Typer) -> None:
    """Add the group to the application."""
    app.add_typer(quarter, name="quarter")


@quarter.command()
def draft(
    period: Period, config_file: Config = DEFAULT_CONFIG, by: By = None, as_of: AsOf = None, as_json: Json = False
) -> None:
    """Make the period's draft edition from the built models, replacing the draft before.

    Example: onestop quarter draft 2024-Q3 --by "Trần Thị B"
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    _drafted(editions.draft(settings, wanted, at=config.now(settings, as_of), by=by), as_json)


@quarter.command()
def restate(
    period: Period,
    reason: Annotated[str, typer.Option(help="Why the published figures change, in words.")],
    code: Annotated[
        str | None,
        typer.Option(
            "--reason-code",
            help="late_arrival, correction, quarantine_release, reorganisation, rule_change, reference_change or other;"
            " default: the reason for which most dossiers moved.",
        ),
    ] = None,
    config_file: Config = DEFAULT_CONFIG,
    by: By = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Draft the next edition of an approved or published period, with the reason and what moved.

    Example: onestop quarter restate 2024-Q3 --reason "hồ sơ tháng 9 của Sở Y tế đến muộn"
    """
    from onestop.pipeline import editions
    from onestop.reporting.editions.model import reason_code

    wanted, settings = periods.parse(period), config.load(config_file)
    chosen = reason_code(code) if code else None
    now = config.now(settings, as_of)
    _drafted(editions.restate(settings, wanted, at=now, reason=reason, code=chosen, by=by), as_json)


@quarter.command()
def approve(
    period: Period, config_file: Config = DEFAULT_CONFIG, by: By = None, as_of: AsOf = None, as_json: Json = False
) -> None:
    """Approve the draft: its contents are frozen, hashed and chained to the edition before.

    Example: onestop quarter approve 2024-Q3 --by "Nguyễn Văn A"
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    _show(editions.approve(settings, wanted, at=config.now(settings, as_of), by=by), as_json)


@quarter.command()
def refuse(
    period: Period,
    reason: Annotated[str, typer.Option(help="What is wrong with the draft.")],
    config_file: Config = DEFAULT_CONFIG,
    by: By = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Send the draft back with a reason; it stays a draft, to be made anew.

    Example: onestop quarter refuse 2024-Q3 --reason "thiếu số liệu của Kho bạc" --by "Nguyễn Văn A"
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    _show(editions.refuse(settings, wanted, at=config.now(settings, as_of), reason=reason, by=by), as_json)


@quarter.command()
def publish(
    period: Period, config_file: Config = DEFAULT_CONFIG, by: By = None, as_of: AsOf = None, as_json: Json = False
) -> None:
    """Publish the approved edition: its files are made from what it keeps; the one before is superseded.

    Example: onestop quarter publish 2024-Q3
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    done = editions.publish(settings, wanted, at=config.now(settings, as_of), by=by)
    _show(done.edition, as_json, reports=done.files, superseded=done.superseded)


@quarter.command()
def files(
    period: Period,
    config_file: Config = DEFAULT_CONFIG,
    version: Version = None,
    word_as_pdf: Annotated[
        bool, typer.Option("--word-as-pdf", help="Also the Word report as LibreOffice prints it, beside the folder.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write the stored files of a published edition into its folder again.

    Example: onestop quarter files 2024-Q3 --edition 1
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    paths = editions.files(settings, wanted, version, word_as_pdf=word_as_pdf)
    if as_json:
        print_json({"period": str(wanted), "reports": paths})
    else:
        _show_paths(paths)


@quarter.command()
def history(period: Period, config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """List the period's editions, and who did what with them.

    Example: onestop quarter history 2024-Q3
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    found, events = editions.history(settings, wanted)
    if as_json:
        print_json({"period": str(wanted), "editions": [_facts(one) for one in found], "events": events})
        return
    table = Table("edition", "status", "known at", "approved by", "published at", "reason", "sha256")
    for one in found:
        moments = (
            f"{m.astimezone(settings.zone):%Y-%m-%d %H:%M}" if m else "" for m in (one.known_at, one.published_at)
        )
        known, published = moments
        table.add_row(
            str(one.version),
            one.status,
            known,
            one.approved_by or "",
            published,
            one.reason or "",
            (one.sha256 or "")[:16],
        )
    console.print(table)
    for event in events:
        said = f" ({event['reason']})" if event["reason"] else ""
        when = event["happened_at"].astimezone(settings.zone)
        line = f"{when:%Y-%m-%d %H:%M} edition {event['version']} {event['event']} by {event['by_whom']}{said}"
        console.print(line, highlight=False, markup=False, soft_wrap=True)


@quarter.command()
def readiness(period: Period, config_file: Config = DEFAULT_CONFIG, as_of: AsOf = None, as_json: Json = False) -> None:
    """Say whether the period is ready to be signed, a line per condition. Nothing waits for it: exit code 0.

    Example: onestop quarter readiness 2024-Q3
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    found = editions.readiness(settings, wanted, at=config.now(settings, as_of))
    if as_json:
        lines = [asdict(condition) for condition in found.conditions]
        print_json(
            {"period": str(wanted), "looked_at": found.looked_at, "is_ready": found.is_ready, "conditions": lines}
        )
        return
    words = {"ok": "[green]đạt[/green]", "note": "[yellow]lưu ý[/yellow]", "open": "[red]chưa đạt[/red]"}
    table = Table("", "")
    for condition in found.conditions:
        table.add_row(words[condition.state], condition.text_vi)
    console.print(table)
    console.print("sẵn sàng" if found.is_ready else "chưa sẵn sàng")


@quarter.command()
def diff(
    period: Period,
    version: Version = None,
    agency: Annotated[str | None, typer.Option(help="Only this unit.")] = None,
    csv_folder: Annotated[Path | None, typer.Option("--csv", help="Write cells.csv and moved.csv here.")] = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Show an edition beside the one before: every cell that differs, which dossiers moved, and why.

    Example: onestop quarter diff 2024-Q3 --agency H15.07
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    found = editions.diff(settings, wanted, version=version, agency=agency)
    cells = [_cell(cell) for cell in found.cells]
    if csv_folder:
        write_csv(csv_folder / "cells.csv", cells)
        write_csv(csv_folder / "moved.csv", found.moved)
    if as_json:
        content = {"period": str(wanted), "old": _facts(found.old), "new": _facts(found.new), "reasons": found.reasons}
        print_json(content | {"cells": cells, "moved": found.moved})
        return
    console.print(f"{found.new.name} ({found.new.status}) beside edition {found.old.version}", highlight=False)
    table = Table("reason", "dossiers and items")
    for reason, count in sorted(found.reasons.items(), key=lambda item: -item[1]):
        table.add_row(reason, f"{count:,}")
    console.print(table)
    table = Table("view", "unit", "field", "metric", "old", "new", "difference")
    for cell in found.cells[:MOST_CELLS]:
        numbers = (_number(value) for value in (cell.old_value, cell.new_value, cell.difference))
        table.add_row(cell.org_view, cell.agency_code, cell.field_code, cell.metric_code, *numbers)
    console.print(table)
    console.print(f"{len(found.cells):,} cells differ, {len(found.moved):,} dossiers and items moved", highlight=False)
    if len(found.cells) > MOST_CELLS or found.moved:
        console.print("all of them: --json, or --csv FOLDER", highlight=False)


@quarter.command()
def verify(
    period: Period,
    head: Annotated[
        str | None, typer.Option(help="The SHA-256 printed on a report: finds a chain that was rebuilt whole.")
    ] = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Recompute every hash of the period's editions and render their files again; exit code 1 where a byte changed.

    Example: onestop quarter verify 2024-Q3
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    found = editions.verify(settings, wanted, head=head)
    if as_json:
        content = asdict(found) | {"period": str(wanted), "is_untouched": not found.findings}
        print_json(content)
    else:
        for finding in found.findings:
            error_console.print(f"changed: {finding}", highlight=False, markup=False)
        looked = (
            f"{found.editions} editions, {found.rows:,} rows, {found.files} files ({found.rendered} rendered again)"
        )
        verdict = f"{len(found.findings)} findings" if found.findings else "untouched"
        console.print(f"{found.period}: {looked}: {verdict}", highlight=False)
        console.print(f"head {found.head}", highlight=False)
    raise typer.Exit(1 if found.findings else 0)


def _cell(cell: Any) -> dict[str, Any]:
    """A cell with its figures as numbers of JSON."""
    names = ("org_view", "agency_code", "field_code", "metric_code")
    return {name: value if name in names else plain_number(value) for name, value in asdict(cell).items()}


def _drafted(done: Any, as_json: bool) -> None:
    _show(done.edition, as_json, is_behind=done.is_behind)
    if done.is_behind:
        error_console.print(
            "[yellow]Note[/yellow] something was loaded after the models were built; the draft does not count it",
            highlight=False,
        )
        error_console.print("  Next step: onestop transform, then draft again", highlight=False)


def _facts(edition: Any) -> dict[str, Any]:
    return {name: value for name, value in asdict(edition).items() if name != "manifest"}


def _show(edition: Any, as_json: bool, reports: list[Path] | None = None, **more: Any) -> None:
    if as_json:
        print_json(_facts(edition) | ({} if reports is None else {"reports": reports}) | more)
        return
    console.print(f"{edition.name}: {edition.status}", highlight=False)
    if edition.sha256:
        console.print(f"head {edition.sha256}", highlight=False)
    if more.get("superseded"):
        console.print(f"edition {more['superseded']} is superseded", highlight=False)
    _show_paths(reports or [])


def _show_paths(paths: list[Path]) -> None:
    for path in paths:
        console.print(f"report: {relative(path)}", highlight=False, markup=False, soft_wrap=True)


def _number(value: Any) -> str:
    return "" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".")
