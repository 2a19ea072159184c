"""The command `reconcile`: province against portal for a period, in the terminal, as JSON, and a workbook per unit."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from onestop import config, periods
from onestop.cli.output import console, print_json, progress_line, relative
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json

if TYPE_CHECKING:
    from onestop.pipeline.reconcile import Reconciled

TOP = 15


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(reconcile)


def reconcile(
    period: Annotated[str, typer.Argument(help="2024-Q3 or calendar:2024-Q3.")],
    agency: Annotated[
        str | None, typer.Option(help="Only what this unit is responsible for; its bridge instead of the province's.")
    ] = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Province against national portal: what differs, why, and who must act; a workbook per unit.

    A difference is a report, exit code 0; with reconcile.limit in province.yml a larger share of differing dossiers is 3.

    Example: onestop reconcile 2024-Q3 --agency H15.07
    """
    wanted = periods.parse(period)
    settings = config.load(config_file)
    from onestop.pipeline.alerting import RECONCILE, watched
    from onestop.pipeline.reconcile import reconcile as run

    with watched(settings, RECONCILE):
        with progress_line(quiet=as_json) as progress:
            done = run(settings, wanted, agency=agency, progress=progress)
        if as_json:
            found = done.found
            content = asdict(found) | {"period": str(found.period)}
            content |= {"compared": found.compared, "differing": found.differing, "share": round(found.share, 6)}
            print_json(content | {"is_over_limit": found.is_over_limit, "workbooks": done.workbooks})
        else:
            _show(done)
        done.refuse_over_limit()


def _show(done: Reconciled) -> None:
    found = done.found
    console.print(f"{found.period}, {found.agency_code}, known at {found.known_at:%Y-%m-%d %H:%M}", highlight=False)
    _table(("result", "dossiers"), found.results.items())
    _table(
        ("result", "likely cause", "dossiers", "oldest, days"),
        ((r["result"], r["name_vi"], r["dossiers"], r["oldest_days"]) for r in found.causes),
    )
    _table(
        ("bridge", "source", "received", "resolved", "in progress"),
        ((r["line_name_vi"], r["source_id"], r["received"], r["resolved"], r["in_progress"]) for r in found.bridge),
    )
    units = [r for r in found.units if r["differing"]]
    _table(
        ("unit", "name", "compared", "differing", "oldest, days"),
        ((r["agency_code"], r["agency_name_vi"], r["compared"], r["differing"], r["oldest_days"]) for r in units[:TOP]),
    )
    if len(units) > TOP:
        console.print(f"… and {len(units) - TOP} more units: --json has them all", highlight=False)
    _table(
        ("lateness: claimant", "claims", "dossiers"),
        ((r["claimant"], r["claim"], r["dossiers"]) for r in found.lateness),
    )
    _table(("questions", "how many"), ((r["name_vi"], r["questions"]) for r in found.questions))
    history = found.history
    console.print(
        f"open differences {history['open']:,}; the last build opened {history['opened_last']:,}"
        f" and closed {history['closed_last']:,}",
        highlight=False,
    )
    if done.workbooks:
        console.print(
            f"workbooks: {len(done.workbooks)} in {relative(done.workbooks[0].parent)}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
    console.print(
        f"{found.differing:,} of {found.compared:,} dossiers differ ({found.share:.2%}), those aside that the next"
        " delivery should settle",
        highlight=False,
    )


def _table(headings: tuple[str, ...], rows: object) -> None:
    """A table, unless it would be empty."""
    table = Table(*headings)
    for row in rows:  # type: ignore[attr-defined]
        table.add_row(
            *("" if value is None else f"{value:,}" if not isinstance(value, str) else value for value in row)
        )
    if table.row_count:
        console.print(table)
