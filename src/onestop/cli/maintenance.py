"""`onestop backup`, `restore`, `maintenance`: what keeps the warehouse safe and small."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from onestop import config
from onestop.cli.output import console, print_json, progress_line, relative
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json
from onestop.clock import system_now


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (backup, restore, maintenance):
        app.command()(command)


def backup(
    config_file: Config = DEFAULT_CONFIG,
    no_proof: Annotated[bool, typer.Option("--no-proof", help="Only dump; the watch does not count it.")] = False,
    as_json: Json = False,
) -> None:
    """Dump the warehouse and prove the dump: restored beside, rows of every table and hashes of every edition compared.

    Example: onestop backup
    """
    settings = config.load(config_file)
    from onestop.pipeline import backup as backups
    from onestop.pipeline.alerting import MAINTENANCE, watched

    with watched(settings, MAINTENANCE), progress_line(quiet=as_json) as progress:
        made = backups.backup(settings, prove=not no_proof, progress=progress)
    if as_json:
        print_json(asdict(made))
        return
    console.print(relative(made.path), highlight=False, markup=False, soft_wrap=True)
    proof = "restored beside and equal" if made.proved else "not proved"
    console.print(
        f"{made.tables} tables, {made.rows:,} rows, {made.editions} editions, {made.bytes / 2**20:.1f} MiB: {proof}",
        highlight=False,
    )


def restore(
    database: Annotated[
        str, typer.Option(help="The new database to read it into; the warehouse itself is not touched.")
    ],
    folder: Annotated[Path | None, typer.Argument(help="The backup's folder; default: the newest.")] = None,
    config_file: Config = DEFAULT_CONFIG,
    as_json: Json = False,
) -> None:
    """Read a backup into a new database beside the warehouse, and compare it with what was dumped.

    Example: onestop restore --database onestop_restored
    """
    settings = config.load(config_file)
    from onestop.pipeline import backup as backups

    with progress_line(quiet=as_json) as progress:
        done = backups.restore(settings, folder, database, progress=progress)
    if as_json:
        print_json(asdict(done))
        return
    console.print(
        f"{done.database}: {done.tables} tables, {done.rows:,} rows, {done.editions} editions, as they were dumped",
        highlight=False,
    )


def maintenance(config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Remove what is older than its policy (maintenance in province.yml), then vacuum. Airflow's history: ops__maintenance.

    Example: onestop maintenance
    """
    settings = config.load(config_file)
    from onestop.pipeline import maintenance as upkeep

    removed = upkeep.retain(settings, system_now())
    tables = upkeep.vacuum(settings)
    if as_json:
        print_json(asdict(removed) | {"vacuumed": tables})
        return
    console.print(
        f"removed: {removed.landing_runs} landed deliveries, {removed.log_files} logs, {removed.payloads} payloads;"
        f" vacuumed {tables} tables",
        highlight=False,
    )
