"""The command `explain`: from a figure down to the dossiers that it counts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from onestop import config, periods
from onestop.cli.output import console, plain_number, print_json, relative, write_csv
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json

MOST_ITEMS = 20


def register(app: typer.Typer) -> None:
    """Add the command to the application."""
    app.command()(explain)


def explain(
    metric: Annotated[str, typer.Argument(help="A metric's code, such as on_time_rate; see docs/metrics.md.")],
    period: Annotated[str, typer.Option(help="2024-Q3 or calendar:2024-Q3.")],
    agency: Annotated[str, typer.Option(help="The unit's code; a roll-up is explained like any other.")],
    field: Annotated[str, typer.Option(help="A field of procedures; * is all.")] = "*",
    org_view: Annotated[str, typer.Option(help="as_was or as_is.")] = "as_was",
    edition: Annotated[
        int | None, typer.Option(help="Of this published edition; default: as the models show it now.")
    ] = None,
    csv_file: Annotated[Path | None, typer.Option("--csv", help="Write the list to this file.")] = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Explain a figure: numerator, denominator, rule, the dossiers counted (codes only) and their batches.

    Example: onestop explain on_time_rate --period 2024-Q3 --agency H15.07
    """
    from onestop.pipeline import editions

    wanted, settings = periods.parse(period), config.load(config_file)
    found = editions.explain(settings, wanted, metric, agency, field=field, org_view=org_view, version=edition)
    if csv_file:
        write_csv(csv_file, found.items, head=("item_code",))
    if as_json:
        print_json(_content(found))
    else:
        _show(found)
        if csv_file:
            console.print(f"written: {relative(csv_file)}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(0 if found.agrees else 1)


def _content(found: Any) -> dict[str, Any]:
    """The explanation as JSON."""
    return {
        "period": str(found.period),
        "edition": found.version,
        "metric_code": found.metric_code,
        "agency_code": found.agency_code,
        "field_code": found.field_code,
        "org_view": found.org_view,
        "numerator": plain_number(found.numerator),
        "denominator": plain_number(found.denominator),
        "value": plain_number(found.value),
        "rule": found.rule,
        "item_kind": found.item_kind,
        "counted": {
            "numerator": plain_number(found.counted.numerator),
            "denominator": plain_number(found.counted.denominator),
            "agrees": found.agrees,
        },
        "items": [_item(row) for row in found.items],
        "dossiers": [row["item_code"] for row in found.dossiers],
        "batches": found.batches,
    }


def _item(row: dict[str, Any]) -> dict[str, Any]:
    return {name: plain_number(value) if name in _NUMBERS else value for name, value in row.items()}


_NUMBERS = {"numerator", "denominator", "points", "maximum"}


def _show(found: Any) -> None:
    rule = found.rule
    where = f"edition {found.version}" if found.version else "as the models show it now"
    console.print(f"{rule['metric_name_vi']} ({found.metric_code}, version {rule['metric_version']})", style="bold")
    unit = f"{found.agency_code}, field {found.field_code}, {found.org_view}"
    console.print(f"{found.period}, {unit}, {where}", highlight=False)
    bottom = "" if found.denominator is None else f" / {plain_number(found.denominator):,}"
    top = plain_number(found.numerator) or 0
    value = "" if found.value is None or not bottom else f" = {float(found.value):.6f}"
    console.print(f"{top:,}{bottom}{value}", highlight=False)
    console.print(f"numerator: {rule['numerator']}", highlight=False, markup=False, soft_wrap=True)
    if rule["denominator"]:
        console.print(f"denominator: {rule['denominator']}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"basis: {rule['legal_basis']}", highlight=False, markup=False, soft_wrap=True)
    table = Table(found.item_kind, "unit", "in numerator", "in denominator", "batch")
    for row in found.items[:MOST_ITEMS]:
        top, below = (row.get(f"in_{side}", row.get(side)) for side in ("numerator", "denominator"))
        cells = ("" if cell in (None, False) else "yes" if cell is True else str(cell) for cell in (top, below))
        batch = row.get("batch_id")
        table.add_row(row["item_code"], row.get("agency_code") or "", *cells, "" if batch is None else str(batch))
    if table.row_count:
        console.print(table)
    verdict = "the list gives the figure" if found.agrees else "THE LIST DOES NOT GIVE THE FIGURE"
    console.print(f"{len(found.items):,} listed, from {len(found.batches):,} batches: {verdict}", highlight=False)
