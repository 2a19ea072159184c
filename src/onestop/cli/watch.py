"""`onestop watch`: one look at what is late, silent or missing; and the night as `onestop status` shows it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table

from onestop import config
from onestop.cli.output import console, print_json, relative, secret_free
from onestop.cli.steps import DEFAULT_CONFIG, AsOf, Config, Json

if TYPE_CHECKING:
    from onestop.config import Settings
    from onestop.pipeline.night import Night, RunState


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(watch)


def watch(config_file: Config = DEFAULT_CONFIG, as_of: AsOf = None, as_json: Json = False) -> None:
    """Look once: raise and settle alerts, tell what is due, write the operations page and the metrics. Exit code 0.

    Example: onestop watch
    """
    settings = config.load(config_file)
    from onestop.pipeline import operations

    seen = operations.look(settings, config.now(settings, as_of))
    if as_json:
        print_json(
            {
                "findings": [asdict(f) for f in seen.findings],
                "told": [asdict(t) for t in seen.told],
                "page": seen.page,
                "metrics": settings.metrics_path,
            }
        )
        return
    for finding in seen.findings:
        console.print(f"{finding.kind} {finding.subject}: {secret_free(finding.evidence)}", highlight=False)
    if not seen.findings:
        console.print("nothing is late, silent or missing", highlight=False)
    for told in seen.told:
        said = f"could not be told to {told.channel}: {told.problem}" if told.problem else f"told to {told.channel}"
        console.print(secret_free(f"{told.fingerprint}: {told.purpose} {said}"), highlight=False)
    console.print(relative(seen.page), highlight=False, markup=False, soft_wrap=True)


def night_as_json(night: Night) -> dict[str, Any]:
    """The four answers, and what they rest on."""
    runs = {
        run.id: {
            **{name: value for name, value in asdict(run).items() if name != "id"},
            "is_late": run.is_late(night.at, night.within),
        }
        for run in night.runs
    }
    return {
        "is_fine": night.is_fine,
        "late": [run.id for run in night.late],
        "in_quarantine": night.waiting,
        "quarter": {
            "period": night.period,
            "is_ready": night.is_ready,
            "conditions": None if night.conditions is None else [asdict(c) for c in night.conditions],
        },
        "alerts": [asdict(alert) for alert in night.alerts],
        "runs": runs,
        "looked_at": night.looked_at,
        "backup_at": night.backup_at,
        "known_at": night.known_at,
        "free_bytes": night.free,
    }


def show_night(night: Night, settings: Settings) -> None:
    """The four answers, what is wrong, and the runs."""
    fine = "[green]yes[/green]" if night.is_fine else "[red]no[/red]"
    late = ", ".join(run.id for run in night.late) or "nothing"
    if night.conditions is None:
        ready = "no: the models were not built"
    else:
        still = [c for c in night.conditions if c.state == "open"]
        ready = "[green]yes[/green]" if not still else f"[red]no[/red], {len(still)} conditions are open"
    console.print(f"tonight fine?      {fine}", highlight=False)
    console.print(f"late               {late}", highlight=False)
    console.print(f"in quarantine      {night.waiting:,} rows", highlight=False)
    console.print(f"{night.period} ready?  {ready}", highlight=False)
    for condition in night.conditions or ():
        if condition.state == "open":
            console.print(f"  {secret_free(condition.text_en)}", highlight=False)
    for alert in night.alerts:
        since = f"{alert.opened_at.astimezone(settings.zone):%Y-%m-%d %H:%M}"
        console.print(
            f"[red]alert[/red] {secret_free(alert.title)} ({alert.fingerprint}, since {since})", highlight=False
        )
        if alert.failing_channels:
            console.print(f"  [red]not told to[/red] {', '.join(alert.failing_channels)}", highlight=False)
    looked, backup = (_moment(m, settings) for m in (night.looked_at, night.backup_at))
    console.print(f"watch last looked  {looked}; last proved backup {backup}", highlight=False)
    console.print(_runs(night.runs, night, settings))


def _runs(runs: Iterable[RunState], night: Night, settings: Settings) -> Table:
    table = Table("run", "due", "last good end", "took", "usual", "rows waiting", "verdict")
    for run in runs:
        late = run.is_late(night.at, night.within)
        table.add_row(
            run.id, _moment(run.due_at, settings) if run.due_at else "", _moment(run.succeeded_at, settings),
            _span(run.seconds), _span(run.usual_seconds), f"{run.waiting:,}",
            "[red]late[/red]" if late else "fine" if run.due_at else "",
        )  # fmt: skip
    return table


def _moment(moment: datetime | None, settings: Settings) -> str:
    return f"{moment.astimezone(settings.zone):%Y-%m-%d %H:%M}" if moment else "never"


def _span(seconds: float | None) -> str:
    return "" if seconds is None else str(timedelta(seconds=round(seconds)))
