"""The commands for rights: what the warehouse allows whom, and the logins of BI tools."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onestop import config
from onestop.cli.output import console, print_json, relative
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json
from onestop.errors import ConfigurationError, OnestopError

commands = typer.Typer(name="roles", help="Who may do what in the warehouse; logins for BI tools.")
By = Annotated[str | None, typer.Option("--by", help="Who does it; the audit keeps it. Left out: the system's user.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(commands, name="roles", no_args_is_help=True)


@commands.command()
def check(config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Hold the warehouse's rights against what is declared; exit code 1 where they differ.

    Example: onestop roles check
    """
    from onestop.pipeline import roles

    _show(roles.differences(config.load(config_file)), as_json)


@commands.command()
def apply(config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Bring the warehouse to its newest version and to the rights that are declared; roles that are missing are made.

    Example: onestop roles apply
    """
    from onestop.pipeline import roles

    _show(roles.apply(config.load(config_file)), as_json)


@commands.command("list")
def list_logins(config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """The logins of BI tools, and whose rows each sees.

    Example: onestop roles list
    """
    from onestop.pipeline import roles

    found = roles.logins(config.load(config_file))
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = Table("login", "sees")
    for one in found:
        table.add_row(one.login, one.agency_code or "the whole province")
    console.print(table)


@commands.command()
def add(
    unit: Annotated[str | None, typer.Option("--unit", help="The unit whose rows it sees, with all under it.")] = None,
    province: Annotated[bool, typer.Option("--province", help="It reads the whole province.")] = False,
    login: Annotated[str | None, typer.Option("--login", help="Its name; of a unit bi_h15_07 by default.")] = None,
    password_file: Annotated[
        Path | None, typer.Option("--password-file", help="Holds its password; left out: one is made up.")
    ] = None,
    by: By = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Make a login for a BI tool, or give one that is there a new password, which stands in the file that is named.

    Example: onestop roles add --unit H15.07
    """
    if (unit is None) != province:
        raise ConfigurationError("it sees either a unit or the province", next_step="give --unit CODE or --province")
    settings = config.load(config_file)
    from onestop.pipeline import editions, roles

    made, file = roles.add(settings, unit, login, by=by or editions.somebody(), password_file=password_file)
    if as_json:
        print_json(asdict(made) | {"password_file": file})
    else:
        console.print(f"{made.login}: its password stands in {relative(file)}", highlight=False, soft_wrap=True)


@commands.command()
def remove(
    login: Annotated[str, typer.Argument(help="Its name, as `onestop roles list` shows it.")],
    by: By = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Take a login away.

    Example: onestop roles remove bi_h15_07
    """
    settings = config.load(config_file)
    from onestop.pipeline import editions, roles

    roles.remove(settings, login, by=by or editions.somebody())
    if as_json:
        print_json({"removed": login})
    else:
        console.print(f"{login} is removed", highlight=False)


def _show(found: list[str], as_json: bool) -> None:
    if as_json:
        print_json({"differences": found})
    for line in () if as_json else found:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
    if found:
        raise OnestopError(
            f"{len(found)} rights differ from what is declared", next_step="run `onestop roles apply` as the owner"
        )
    if not as_json:
        console.print("every right is as declared")
