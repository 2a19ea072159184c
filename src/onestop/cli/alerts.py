"""`onestop alerts`: what is wrong now and who was told; a test of the channels."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table

from onestop import config
from onestop.cli.output import console, print_json, secret_free
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json
from onestop.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(alerts)


def alerts(
    config_file: Config = DEFAULT_CONFIG,
    test: Annotated[
        bool, typer.Option("--test", help="Send a test to every channel, and say what each answered.")
    ] = False,
    settle: Annotated[
        str | None, typer.Option(help="Say that this fingerprint is over, where no later run will show it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What is wrong now, since when, who was told and which channel fails; sends what is due.

    Example: onestop alerts --test
    """
    settings = config.load(config_file)
    from onestop.alerts.book import states
    from onestop.pipeline import alerting

    if test:
        answers = alerting.try_channels(settings)
        if as_json:
            print_json([{"channel": name, "problem": problem} for name, problem in answers])
        for name, problem in () if as_json else answers:
            console.print(f"{name}: {secret_free(problem) if problem else 'took it'}", highlight=False)
        if not answers:
            console.print("no channel is set: alerts in province.yml, docs/alerts.md", highlight=False)
        raise typer.Exit(1 if any(problem for _, problem in answers) else 0)
    if settle and not alerting.settle_by_hand(settings, settle):
        raise ConfigurationError(f"no alert {settle!r} is open", next_step="see the fingerprints with onestop alerts")
    alerting.tell_now(settings)
    with alerting.desk(settings) as (desk, _):
        found = sorted((s for s in states(desk.book) if s.is_open), key=lambda s: s.opened_at)
    if as_json:
        print_json([asdict(state) | {"fingerprint": state.alert.fingerprint} for state in found])
        return
    if not found:
        console.print("nothing is wrong that was noticed", highlight=False)
        return
    table = Table("what", "since", "seen", "told", "channel that fails")
    for state in found:
        table.add_row(
            f"{state.alert.fingerprint}\n{secret_free(state.alert.evidence)}",
            f"{state.opened_at.astimezone(settings.zone):%Y-%m-%d %H:%M}",
            str(state.times_seen),
            ", ".join(state.told),
            secret_free("; ".join(f"{name}: {why}" for name, why in state.failing.items())),
        )
    console.print(table)
