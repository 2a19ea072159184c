"""`onestop keys`: which keys are in use, a new one, and everything stored brought under it. No key is ever shown."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Literal

import typer

from onestop import config
from onestop.cli.output import console, print_json, progress_line
from onestop.cli.roles import By
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json
from onestop.pipeline.keys import DATA_KEY, HASH_KEY, renew

commands = typer.Typer(name="keys", help="The keys of encryption and of hashes: status, rotation.")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    app.add_typer(commands, name="keys", no_args_is_help=True)


@commands.command()
def status(config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Which keys are at hand and in use, by name; whether something is still under a former one.

    Example: onestop keys status
    """
    from onestop.pipeline import key_rotation

    found = key_rotation.status(config.load(config_file))
    if as_json:
        print_json({**asdict(found), "is_done": found.is_done})
        return
    lines = [f"data key {found.data_key}; at hand: {', '.join(found.data_keys)}"]
    lines += [f"  landing: {n:,} files under {key}" for key, n in sorted(found.files.items())]
    lines += [f"  rejected rows: {n:,} under {key}" for key, n in sorted(found.sealed.items())]
    lines.append(
        f"hash keys in force: {', then '.join(found.hashes_in_force)}; at hand: {', then '.join(found.hash_keys)}"
    )
    lines.append("all is under the current keys" if found.is_done else "to do: onestop keys rotate")
    for line in lines:
        console.print(line, highlight=False)


@commands.command()
def new(
    kind: Annotated[Literal["data", "hash"], typer.Argument(help="Which key.")],
    by: By = None,
    config_file: Config = DEFAULT_CONFIG,
) -> None:
    """Make a new key beside the embedded server; the one until now stays as a former one. Then: onestop keys rotate.

    Example: onestop keys new data
    """
    from onestop.pipeline import editions, roles

    settings = config.load(config_file)
    with roles.audited(settings, "key made", kind, by=by or editions.somebody()):
        renew(settings, {"data": DATA_KEY, "hash": HASH_KEY}[kind])
    console.print("made; back up .local/keys.json, then: onestop keys rotate", highlight=False)


@commands.command()
def rotate(config_file: Config = DEFAULT_CONFIG, by: By = None, as_json: Json = False) -> None:
    """Bring landing, rejected rows and hashes under the current keys. Killed, it goes on where it was.

    Example: onestop keys rotate --by "Trần Thị B"
    """
    from onestop.pipeline import editions, key_rotation

    with progress_line(quiet=as_json) as progress:
        done = key_rotation.rotate(config.load(config_file), by=by or editions.somebody(), progress=progress)
    if as_json:
        print_json(asdict(done))
        return
    console.print(
        f"{done.files:,} files, {done.sealed:,} rejected rows, {sum(done.hashes.values()):,} hashes brought under the"
        " current keys",
        highlight=False,
    )
