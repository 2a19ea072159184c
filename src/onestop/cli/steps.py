"""The pipeline's commands: run, ingest, backfill, transform, report."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onestop import clock, config, periods
from onestop.cli.output import console, error_console, print_json, progress_line, relative, secret_free
from onestop.logs import bind
from onestop.pipeline.ingest_result import IngestResult

Config = Annotated[Path, typer.Option("--config", help="The province's configuration.", envvar="ONESTOP_CONFIG")]
AsOf = Annotated[str | None, typer.Option("--as-of", help='What "now" means (ISO 8601); default: the clock.')]
Since = Annotated[str | None, typer.Option(help="Where a first load starts (ISO 8601); default: 1970.")]
IgnoreWindow = Annotated[bool, typer.Option("--ignore-window", help="Ask sources outside of their `window`, too.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_CONFIG = Path("province.yml")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (run, ingest, backfill, transform, report):
        app.command()(command)


def run(
    period: Annotated[str, typer.Option(help="The period to draft: 2024-Q3 or calendar:2024-Q3.")],
    config_file: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    since: Since = None,
    ignore_window: IgnoreWindow = False,
    as_json: Json = False,
) -> None:
    """All steps in one process: ingest every source, validate, build, draft the reports.

    Example: onestop run --config province.yml --period 2024-Q3
    """
    wanted = periods.parse(period)
    bind(period=str(wanted))
    settings = config.load(config_file)
    now = config.now(settings, as_of)
    from onestop.pipeline import alerting, flows

    with progress_line(quiet=as_json) as progress:
        result = flows.run(
            settings,
            wanted,
            as_of=now,
            since=_since(settings, since),
            ignore_window=ignore_window,
            progress=progress,
        )
    alerting.of_run(settings, result)
    if as_json:
        print_json(
            {
                "ingests": [asdict(i) for i in result.ingests],
                "reports": result.reports,
                "problems": [{"step": s, "message": p.message, "next_step": p.next_step} for s, p in result.problems],
                "exit_code": result.exit_code,
            }
        )
    else:
        _show_ingests(result.ingests)
        for path in result.reports:
            console.print(f"report: {relative(path)}", highlight=False, markup=False, soft_wrap=True)
    for step, problem in result.problems:
        error_console.print(f"[red]{step}[/red] {secret_free(problem.message)}", highlight=False)
        if problem.next_step:
            error_console.print(f"  Next step: {secret_free(problem.next_step)}", highlight=False)
    raise typer.Exit(result.exit_code)


def ingest(
    source: Annotated[str, typer.Argument(help="A source's id, or `reference` for the reference files.")],
    config_file: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    since: Since = None,
    replay: Annotated[
        str | None, typer.Option(help="Judge and load again what an earlier run landed (ops.load_batch.landing_path).")
    ] = None,
    ignore_window: IgnoreWindow = False,
    as_json: Json = False,
) -> None:
    """Pull one source, land it, judge it, load it.

    Example: onestop ingest igate
    """
    settings = config.load(config_file)
    now = config.now(settings, as_of)
    from onestop.pipeline import flows
    from onestop.pipeline.alerting import watched

    with watched(settings, source), progress_line(quiet=as_json) as progress:
        if source == "reference":
            results = flows.ingest_reference(settings, as_of=now, progress=progress)
        else:
            start = _since(settings, since)
            results = [
                flows.ingest(
                    settings,
                    source,
                    as_of=now,
                    since=start,
                    replay_from=replay,
                    ignore_window=ignore_window,
                    progress=progress,
                )
            ]
    if as_json:
        print_json([asdict(r) for r in results])
    else:
        _show_ingests(results)


def backfill(
    source: Annotated[str, typer.Argument(help="A source's id.")],
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day, local time.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day, included.")],
    reason: Annotated[str, typer.Option(help="Why, at least five characters; kept in ops.load_batch.")],
    config_file: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    ignore_window: IgnoreWindow = False,
    as_json: Json = False,
) -> None:
    """Pull again what changed in a range of days; the nightly ingest goes on from where it was.

    Example: onestop backfill igate --from 2024-08-01 --to 2024-08-31 --reason "the source lost August's ratings"
    """
    settings = config.load(config_file)
    now = config.now(settings, as_of)
    from onestop.pipeline import backfill as backfills
    from onestop.pipeline.alerting import watched

    with watched(settings, source), progress_line(quiet=as_json) as progress:
        result = backfills.backfill(
            settings,
            source,
            first=first.date(),
            last=last.date(),
            reason=reason,
            as_of=now,
            ignore_window=ignore_window,
            progress=progress,
        )
    if as_json:
        print_json(asdict(result))
    else:
        _show_ingests([result])


def transform(
    config_file: Config = DEFAULT_CONFIG,
    as_of: AsOf = None,
    layer: Annotated[list[str] | None, typer.Option(help="Only this layer; may be given several times.")] = None,
    full: Annotated[bool, typer.Option("--full", help="The whole history, not only what changed.")] = False,
    as_json: Json = False,
) -> None:
    """Build the models from what was loaded.

    Example: onestop transform
    """
    settings = config.load(config_file)
    from onestop.pipeline import flows
    from onestop.pipeline.alerting import TRANSFORM, watched

    with watched(settings, TRANSFORM), progress_line(quiet=as_json) as progress:
        result = flows.transform(
            settings, known_at=config.now(settings, as_of), layers=layer, whole=full, progress=progress
        )
    if as_json:
        print_json(asdict(result))
    else:
        models, tests = (len([n for n in result.nodes if n.kind == kind]) for kind in ("model", "test"))
        console.print(f"{models} models built, {tests} tests passed in {result.seconds:.0f} s", highlight=False)


def report(
    period: Annotated[str, typer.Argument(help="2024-Q3 or calendar:2024-Q3.")],
    config_file: Config = DEFAULT_CONFIG,
    known_at: Annotated[
        str | None, typer.Option(help="The figures as they were known at this moment (ISO 8601), built for it.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Draft a period's reports from the built models; or, with --known-at, report what was known at a past moment.

    Example: onestop report 2024-Q3 --known-at 2024-09-25T08:00:00+07:00
    """
    wanted = periods.parse(period)
    bind(period=str(wanted))
    settings = config.load(config_file)
    moment = clock.parse_moment(known_at, settings.zone) if known_at else None
    from onestop.pipeline import flows
    from onestop.pipeline.alerting import REPORT, watched
    from onestop.pipeline.known_at import report_known_at

    with watched(settings, REPORT), progress_line(quiet=as_json) as progress:
        if moment:
            now = config.now(settings)
            paths = report_known_at(settings, wanted, known_at=moment, now=now, progress=progress)
        else:
            paths = flows.draft_report(settings, wanted)
    if as_json:
        figures = json.loads(next(path for path in paths if path.suffix == ".json").read_text(encoding="utf-8"))
        print_json({"period": str(wanted), "known_at": figures["known_at"], "reports": paths, "figures": figures})
    else:
        for path in paths:
            console.print(relative(path), highlight=False, markup=False, soft_wrap=True)


def _since(settings: config.Settings, text: str | None) -> str | None:
    return clock.to_stamp(clock.parse_moment(text, settings.zone), settings.zone) if text else None


def _show_ingests(results: list[IngestResult]) -> None:
    table = Table("source", "entity", "state", "received", "accepted", "quarantined", "duplicate", "refused")
    for r in results:
        counts = (f"{n:,}" for n in (r.received, r.accepted, r.quarantined, r.duplicate, r.refused))
        table.add_row(r.source_id, r.entity, r.state, *counts)
    console.print(table)
    for r in results:
        if r.message:
            console.print(f"{r.source_id}: {secret_free(r.message)}", highlight=False, markup=False)
