"""The commands `quarter deliver` and `quarter deliveries`: who gets a published quarter, and what went to whom."""

from __future__ import annotations

from dataclasses import asdict
from functools import partial
from typing import Annotated, Any

import typer
from rich.table import Table

from onestop import config, periods
from onestop.cli.output import console, error_console, print_json
from onestop.cli.quarter import By, Period, Version, quarter
from onestop.cli.steps import DEFAULT_CONFIG, AsOf, Config, Json

Retry = Annotated[bool, typer.Option("--retry", help="Try again what failed.")]
Again = Annotated[str | None, typer.Option(help="A recipient's id: send to this one anew.")]
AgainReason = Annotated[str | None, typer.Option("--reason", help="Why it is sent anew; is kept.")]


def register() -> None:
    """Add these commands to the group `quarter`."""
    for command in (deliver, deliveries):
        quarter.command()(command)


def deliver(
    period: Period,
    version: Version = None,
    retry: Retry = False,
    again: Again = None,
    reason: AgainReason = None,
    config_file: Config = DEFAULT_CONFIG,
    by: By = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Send the published edition to whom it was not sent yet; exit code 1 where somebody did not surely get it.

    Example: onestop quarter deliver 2024-Q3
    """
    from onestop.pipeline import delivery, undelivered

    wanted, settings = periods.parse(period), config.load(config_file)
    found = delivery.deliver(
        settings,
        wanted,
        clock=partial(config.now, settings, as_of),
        by=by,
        version=version,
        retry=retry,
        again=again,
        reason=reason,
    )
    undelivered.look_again(settings, config.now(settings, as_of))
    show(found, as_json)


def deliveries(period: Period, config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """List every attempt to deliver something of the period: what went to whom, when, and how it ended.

    Example: onestop quarter deliveries 2024-Q3
    """
    from onestop.pipeline import delivery

    wanted, settings = periods.parse(period), config.load(config_file)
    found = delivery.deliveries(settings, wanted)
    if as_json:
        print_json({"period": str(wanted), "deliveries": [asdict(one) for one in found]})
        return
    table = Table("when", "of", "to", "unit", "way", "attempt", "state", "message")
    for one in found:
        when = f"{one.happened_at.astimezone(settings.zone):%Y-%m-%d %H:%M}"
        what = f"{one.kind} {one.version}"
        row = (one.recipient, one.agency_code or "all", f"{one.channel} {one.address}", str(one.attempt), one.state)
        table.add_row(when, what, *row, one.message or "")
    console.print(table)
    console.print("hashes of the files: --json", highlight=False)


def show(found: Any, as_json: bool, **more: Any) -> None:
    """Where each recipient stands; exit code 1 where somebody must do something."""
    if as_json:
        lines = [asdict(one) for one in found.all]
        print_json({"period": str(found.edition.value), "edition": found.edition.version, "deliveries": lines, **more})
    else:
        for one in found.all:
            words = f"{one.recipient} ({one.channel} {one.address}): {one.state}"
            said = "" if one.is_new or one.state == "none" else " before"
            console.print(f"{words}{said}. {one.message}", highlight=False, markup=False, soft_wrap=True)
            if one.is_alert:
                error_console.print(f"  Next step: {one.next_step}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1 if found.alerts else 0)
