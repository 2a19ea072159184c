"""The commands for BI: Apache Superset over the warehouse, one connection per login."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from onestop import config
from onestop.cli.output import console, print_json, relative
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json
from onestop.errors import ConfigurationError

commands = typer.Typer(name="bi", help="Apache Superset: dashboards over the warehouse, one connection per login.")
Units = Annotated[list[str] | None, typer.Argument(help="Codes of units.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(commands, name="bi", no_args_is_help=True)


@commands.command()
def up(
    port: Annotated[int | None, typer.Option("--port", help="Of 127.0.0.1; left out: the one it had.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--bundle", help="Charts and dashboards that `onestop bi export` wrote.")
    ] = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Start Superset with the dashboards of the province; the first time, make all that it needs.

    Example: onestop bi up
    """
    from onestop.pipeline import editions
    from onestop.platform.bi import server

    settings = config.load(config_file)
    with console.status("starting") as live:
        bi = server.Bi(settings, lambda step: live.update(f"starting: {step}"))
        started = bi.up(by=editions.somebody(), port=port, folder=folder)
    _show(started.url, started.accounts, as_json)


@commands.command()
def down(config_file: Config = DEFAULT_CONFIG) -> None:
    """Stop Superset. Its dashboards and accounts stay.

    Example: onestop bi down
    """
    from onestop.platform.bi.service import service
    from onestop.platform.processes import stop

    found = service(config.load(config_file))
    was_running = found.running
    stop([found])
    console.print("stopped: superset" if was_running else "nothing was running")


@commands.command()
def status(config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Where Superset runs, and which units have a connection.

    Example: onestop bi status --json
    """
    from onestop.platform.bi import server

    bi = server.Bi(config.load(config_file))
    running = bi.service.running
    found = {"running": running, "url": bi.url if running else None, "units": bi.units, "log": bi.service.log}
    if as_json:
        print_json(found)
        return
    console.print(f"Superset  {found['url'] or 'not running'}", highlight=False)
    console.print(f"units     {', '.join(bi.units) or 'none'}", highlight=False)


@commands.command()
def connect(
    units: Units = None,
    every: Annotated[bool, typer.Option("--all", help="Every unit of today.")] = False,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Give units their own connection, dashboards and account, which see their rows alone.

    Example: onestop bi connect H15.07
    """
    from onestop.pipeline import editions
    from onestop.platform.bi import server

    with console.status("starting") as live:
        bi = server.Bi(config.load(config_file), lambda step: live.update(f"starting: {step}"))
        started = bi.connect(_wanted(units, bi.all_units() if every else None), by=editions.somebody())
    _show(started.url, started.accounts, as_json)


@commands.command()
def disconnect(
    units: Units = None,
    every: Annotated[bool, typer.Option("--all", help="Every unit that has a connection.")] = False,
    config_file: Config = DEFAULT_CONFIG,
) -> None:
    """Take units' connections, dashboards and accounts away. Their logins in the warehouse stay: see onestop roles.

    Example: onestop bi disconnect H15.07
    """
    from onestop.pipeline import editions
    from onestop.platform.bi import server

    bi = server.Bi(config.load(config_file))
    wanted = _wanted(units, bi.units if every else None)
    bi.disconnect(wanted, by=editions.somebody())
    console.print(f"disconnected: {', '.join(wanted)}", highlight=False)


@commands.command()
def export(
    output: Annotated[Path, typer.Option("--output", help="Folder for charts/ and dashboards/.")],
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Write the province's charts and dashboards as they are in Superset now, as files for `onestop bi up --bundle`.

    Example: onestop bi export --output superset
    """
    from onestop.platform.bi import export as exporting

    written = exporting.export(config.load(config_file), output)
    if as_json:
        print_json({"written": written})
    else:
        console.print(f"{len(written)} files in {relative(output)}", highlight=False)


def _wanted(units: list[str] | None, every: list[str] | None) -> list[str]:
    if bool(units) == (every is not None):
        raise ConfigurationError("either codes of units or all of them", next_step="name units, or give --all")
    return every if every is not None else list(units or [])


def _show(url: str, accounts: dict[str, Path], as_json: bool) -> None:
    if as_json:
        print_json({"url": url, "accounts": accounts})
        return
    console.print(f"Superset  {url}", highlight=False)
    for name, file in accounts.items():
        console.print(f"{name}: the password stands in {relative(file)}", highlight=False, soft_wrap=True)
