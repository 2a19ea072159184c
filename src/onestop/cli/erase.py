"""`onestop erase`: what is kept of a person or a dossier is removed, with a proof of what was removed where."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onestop import config
from onestop.cli.output import console, print_json, progress_line
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json
from onestop.errors import ConfigurationError


def register(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(erase)


def erase(
    by: Annotated[str, typer.Option("--by", help="Who decided it.")],
    reason: Annotated[str, typer.Option(help="On what legal ground.")],
    dossier: Annotated[str | None, typer.Option(help="A dossier's or a case's code.")] = None,
    identity_file: Annotated[
        Path | None, typer.Option(help="A file with the identity number; never the number itself on a command line.")
    ] = None,
    person_hash: Annotated[
        str | None, typer.Option("--hash", help="The keyed hash of the number, as raw has it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what the warehouse holds.")] = False,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Remove landed records, the identity number's hash and sealed parts of rejected rows; published figures stay.

    Example: onestop erase --dossier H15.07-240823-0001 --by "Trần Thị B" --reason "yêu cầu xóa ngày 02/10/2024"
    """
    settings = config.load(config_file)
    identity = None
    if identity_file:
        try:
            identity = identity_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            raise ConfigurationError(f"{identity_file} cannot be read", next_step="name a text file") from None
    from onestop.pipeline import erasure

    with progress_line(quiet=as_json) as progress:
        subject, places = erasure.erase(
            settings, by=by, reason=reason, dossier=dossier, identity=identity, person_hash=person_hash,
            dry_run=dry_run, progress=progress,
        )  # fmt: skip
    if as_json:
        print_json({"subject": subject.name, "places": [asdict(one) for one in places]})
        return
    table = Table("place", "found", "removed")
    for one in places:
        table.add_row(one.place, str(one.found), str(one.removed))
    console.print(f"{subject.name}: the proof is in ops.erasure" if not dry_run else subject.name, highlight=False)
    console.print(table)
