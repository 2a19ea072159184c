"""The command `quarter import`: quarters that were published before the warehouse was."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from onestop import config
from onestop.cli.output import console, print_json, relative
from onestop.cli.quarter import By, quarter
from onestop.cli.steps import DEFAULT_CONFIG, AsOf, Config, Json


def register() -> None:
    """Add the command to the group."""
    quarter.command("import")(import_former)


def import_former(
    file: Annotated[Path, typer.Argument(help="CSV UTF-8: period, agency_code, the eleven columns of form II.06a.")],
    config_file: Config = DEFAULT_CONFIG,
    by: By = None,
    as_of: AsOf = None,
    as_json: Json = False,
) -> None:
    """Keep former quarters as they were printed, to compare with and to hold column 6 against their column 11.

    Rows that contradict themselves are kept, and named. Importing the same figures again changes nothing.

    Example: onestop quarter import da-cong-bo-2023.csv --by "Trần Thị B"
    """
    from onestop.pipeline import editions

    settings = config.load(config_file)
    done = editions.import_former(settings, file, at=config.now(settings, as_of), by=by)
    if as_json:
        print_json({"file": file, **asdict(done)})
        return
    console.print(
        f"{relative(file)}: {done.kept} rows kept, {done.unchanged} were there already",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
    for line in done.contradictions:
        console.print(f"  as printed, it contradicts itself: {line}", highlight=False, markup=False, soft_wrap=True)
