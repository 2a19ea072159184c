"""`onestop config show`: the configuration in force, and where each secret comes from. Never a secret itself."""

from __future__ import annotations

import os
from typing import Any

import typer
import yaml

from onestop import config
from onestop.cli.output import mask_passwords, print_json
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json
from onestop.config import Settings
from onestop.pipeline.keys import DATA_KEY, FORMER, HASH_KEY

commands = typer.Typer(name="config", help="The configuration in force.")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(commands, name="config", no_args_is_help=True)


@commands.callback()
def _group() -> None:
    """The configuration in force."""


@commands.command()
def show(config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Every key with its value, defaults too, and of every secret whether it is set, and how.

    Example: onestop config show
    """
    settings = config.load(config_file)
    shown: dict[str, Any] = settings.model_dump(mode="json", exclude={"file"})
    shown["secrets"] = {name: _origin(name) for name in _names(settings)}
    if as_json:
        print_json(shown)
        return
    typer.echo(mask_passwords(yaml.safe_dump(shown, allow_unicode=True, sort_keys=False)), nl=False)


def _names(settings: Settings) -> list[str]:
    """Every secret that this configuration may need."""
    dsn = settings.warehouse.dsn_env
    names = [dsn, *(f"{dsn}_{role}" for role in ("LOADER", "TRANSFORMER", "PUBLISHER"))]
    names += [HASH_KEY, HASH_KEY + FORMER, DATA_KEY, DATA_KEY + FORMER]
    for one in (*settings.sources, *settings.delivery.recipients):
        names += one.secrets
    for mail in (settings.delivery.mail, settings.alerts.mail):
        names += mail.secrets if mail else ()
    names += [target for target in settings.alerts.targets if "@" not in target]
    return list(dict.fromkeys(names))


def _origin(name: str) -> str:
    if os.environ.get(name):
        return "set in the environment"
    return f"from a file ({name}_FILE)" if os.environ.get(f"{name}_FILE") else "not set"
