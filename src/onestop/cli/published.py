"""Commands around figures that were published: check-published."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from onestop.cli.output import console, print_json, relative
from onestop.cli.steps import Json


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command("check-published")(check_published)


def check_published(
    file: Annotated[Path, typer.Argument(help="A JSON file: rows by name, each with the form's columns.")],
    as_json: Json = False,
) -> None:
    """Check published tables against the form's identities; exits 1 where a row contradicts itself.

    Example: onestop check-published published_figures.json
    """
    from onestop.reporting.published_check import check_file

    checked = check_file(file)
    if as_json:
        print_json({"file": file, "rows": checked.rows, "inconsistent": [asdict(row) for row in checked.inconsistent]})
    else:
        for row in checked.inconsistent:
            scope = f" ({row.scope})" if row.scope else ""
            console.print(f"{row.row}{scope}", style="bold", highlight=False, markup=False, soft_wrap=True)
            for reason in row.reasons:
                console.print(f"  {reason.rule}: {reason.text}", highlight=False, markup=False, soft_wrap=True)
        found = len(checked.inconsistent)
        told = f"{found} of {checked.rows} rows inconsistent" if found else f"{checked.rows} rows, all consistent"
        console.print(f"{told}: {relative(file)}", highlight=False, markup=False, soft_wrap=True)
    raise typer.Exit(1 if checked.inconsistent else 0)
