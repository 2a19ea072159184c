"""The commands for an Airflow that runs on servers of its own: prepare it, and who may log in."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onestop import config
from onestop.cli.output import console, print_json, relative
from onestop.cli.roles import By
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json

commands = typer.Typer(name="accounts", help="Who may log in to Airflow, where it runs on servers of its own.")
Name = Annotated[str, typer.Argument(help="The account's name: small letters, digits, . _ -")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="Holds the password; left out: one is made up.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.command()(prepare)
    app.add_typer(commands, name="accounts", no_args_is_help=True)


def prepare(config_file: Config = DEFAULT_CONFIG) -> None:
    """Make or upgrade all tables, roles and pools of an Airflow on servers of its own, before they start.

    Example: onestop prepare
    """
    settings = config.load(config_file)
    from onestop.platform.prepare import prepare as make_ready

    make_ready(settings, progress=lambda step: console.print(step, highlight=False))
    console.print("ready", highlight=False)


@commands.command("list")
def list_accounts(as_json: Json = False) -> None:
    """The accounts with their roles.

    Example: onestop accounts list
    """
    from onestop.platform import accounts

    found = accounts.accounts()
    if as_json:
        print_json([asdict(one) for one in found])
        return
    table = Table("account", "mail", "roles", "active")
    for one in found:
        table.add_row(one.name, one.mail, ", ".join(one.roles), "yes" if one.is_active else "no")
    console.print(table)


@commands.command()
def add(
    name: Name,
    role: Annotated[str, typer.Option(help="engineers, approvers or viewers.")],
    mail: Annotated[str, typer.Option(help="The person's mail address.")],
    password_file: PasswordFile = None,
    by: By = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Make an account; its password stands in the file that is named.

    Example: onestop accounts add lan --role approvers --mail lan@daklak.gov.vn
    """
    settings = config.load(config_file)
    from onestop.pipeline import editions
    from onestop.platform import accounts

    file = accounts.add(settings, name, role, mail, password_file, by=by or editions.somebody())
    _show(name, file, as_json)


@commands.command()
def password(
    name: Name,
    password_file: PasswordFile = None,
    by: By = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Give an account a new password.

    Example: onestop accounts password lan
    """
    settings = config.load(config_file)
    from onestop.pipeline import editions
    from onestop.platform import accounts

    _show(name, accounts.set_password(settings, name, password_file, by=by or editions.somebody()), as_json)


@commands.command()
def remove(name: Name, by: By = None, config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Take an account away.

    Example: onestop accounts remove lan
    """
    settings = config.load(config_file)
    from onestop.pipeline import editions
    from onestop.platform import accounts

    accounts.remove(settings, name, by=by or editions.somebody())
    if as_json:
        print_json({"removed": name})
    else:
        console.print(f"{name} is removed", highlight=False)


def _show(name: str, file: Path, as_json: bool) -> None:
    if as_json:
        print_json({"name": name, "password_file": file})
    else:
        console.print(f"{name}: the password stands in {relative(file)}", highlight=False, soft_wrap=True)
