"""Commands around the local platform: up, down, status, demo, sandbox, doctor."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from onestop import config
from onestop.cli.output import console, print_json, relative, secret_free
from onestop.cli.steps import DEFAULT_CONFIG, Config, Json

DEMO_CONFIG = Path(".demo/province.yml")


def register(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (up, down, status, demo, sandbox, doctor):
        app.command()(command)


def up(config_file: Config = DEFAULT_CONFIG) -> None:
    """Start the local platform: PostgreSQL, and Airflow with its UI.

    Example: onestop up --config province.yml
    """
    settings = config.load(_existing(config_file))
    from onestop.platform import local_platform

    with console.status("starting") as live:
        started = local_platform.up(settings, progress=lambda step: live.update(f"starting {step}"))
    console.print(f"Airflow   {started.airflow_url}", highlight=False)
    console.print(f"user      {started.user}\npassword  {started.password}", highlight=False, markup=False)
    console.print(f"DAGs      {', '.join(started.dag_ids)}", highlight=False)
    for file, problem in started.import_errors.items():
        console.print(f"[red]{Path(file).name}[/red] {secret_free(problem)}", highlight=False)
    if started.import_errors:
        raise typer.Exit(1)


def down(config_file: Config = DEFAULT_CONFIG) -> None:
    """Stop the local platform. Data stay.

    Example: onestop down
    """
    from onestop.platform import local_platform

    stopped = local_platform.down(config.load(_existing(config_file)))
    console.print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running", highlight=False)


def status(
    config_file: Config = DEFAULT_CONFIG,
    page: Annotated[bool, typer.Option("--page", help="Write the operations page anew, too.")] = False,
    as_json: Json = False,
) -> None:
    """Is tonight fine, what is late, what is in quarantine, will the quarter be ready; and what runs, where.

    Example: onestop status --json
    """
    from onestop.cli.watch import night_as_json, show_night
    from onestop.pipeline import operations
    from onestop.platform import local_platform

    settings = config.load(_existing(config_file))
    found = local_platform.status(settings)
    dsn, url = found["warehouse"]["dsn"], found["airflow"]["url"]
    night = operations.night(settings, dsn, config.now(settings)) if dsn else None
    written = operations.write_page(settings, night) if page and night else None
    if as_json:
        freshness = [asdict(f) for f in found["freshness"]]
        shown = night_as_json(night) if night else None
        print_json(found | {"freshness": freshness, "night": shown, "page": written})
        return
    if night:
        show_night(night, settings)
    if written:
        console.print(relative(written), highlight=False, markup=False, soft_wrap=True)
    console.print(f"warehouse  {secret_free(dsn) if dsn else 'not running'}", highlight=False)
    console.print(f"Airflow    {url or 'not running'}", highlight=False)
    table = Table("process", "pid", "running", "memory MB")
    for process in found["processes"]:
        memory = process["memory_bytes"]
        table.add_row(
            process["name"], str(process["pid"] or ""), "yes" if process["running"] else "no",
            f"{memory / 2**20:.0f}" if memory else "",
        )  # fmt: skip
    if found["processes"]:
        console.print(table)
    if found["freshness"]:
        from onestop.cli.models import freshness_table

        console.print(freshness_table(found["freshness"]))


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the platform up afterwards.")] = False,
) -> None:
    """The whole way for statutory 2024-Q3 of Đắk Lắk: generated sources, DAG runs, published figures.

    Example: onestop demo --keep
    """
    from onestop.platform.demo import demo as play

    raise typer.Exit(play(keep, console))


def sandbox(
    folder: Annotated[Path, typer.Option(help="Where reference files, province.yml and expected.json go.")] = Path(
        ".sandbox"
    ),
    scenario: Annotated[str, typer.Option(help="small, dak_lak_2024_q3 or dak_nong_2021_h1.")] = "small",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8801,
    faults: Annotated[bool, typer.Option("--faults", help="Play every fault that real systems have.")] = False,
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
    file: Annotated[Path | None, typer.Option(help="Serve this JSONL file of dossiers instead.")] = None,
    sql_dsn: Annotated[
        str | None,
        typer.Option(
            envvar="TREASURY_DSN",
            show_envvar=True,
            help="Database (SQLAlchemy URL) that gets the State Treasury's table `dossiers`, made anew. None: no SQL source.",
        ),
    ] = None,
) -> None:
    """Sample source systems of every kind on loopback, until stopped.

    Example: onestop sandbox --scenario small --folder /tmp/sandbox --faults
    """
    from onestop.sandbox.faults import FaultPlan
    from onestop.sandbox.main import Sandbox, serve

    def ready(running: Sandbox) -> None:
        console.print(f"serving {running.url}", highlight=False)
        if running.feedback:
            console.print(f"serving {running.feedback.url} (feedback)", highlight=False)
        if running.exports:
            console.print(f"serving {running.exports.url} (the portal's files)", highlight=False)
        for name, value in running.environment.items():
            if os.environ.get(name) != value:  # what came from the environment need not be shown
                console.print(f"export {name}={value}", highlight=False, markup=False)
        if running.folder:
            console.print(
                f"try: onestop run --config {running.folder / 'province.yml'} --period 2024-Q3", highlight=False
            )

    serve(
        None if file else scenario,
        None if file else folder,
        port=port,
        faults=FaultPlan(seed=seed) if faults else None,
        seed=seed,
        file=file,
        client_id=os.environ.get("IGATE_CLIENT_ID", "sandbox"),
        client_secret=os.environ.get("IGATE_CLIENT_SECRET"),
        every_kind=file is None,
        feedback_port=port + 1 if port else 0,
        api_key=os.environ.get("PAKN_API_KEY"),
        sql_dsn=None if file else sql_dsn,
        sftp_port=port + 2 if port else 0,
        sftp_password=os.environ.get("DVCQG_PASSWORD"),
        ready=ready,
    )


def doctor(config_file: Config = DEFAULT_CONFIG, as_json: Json = False) -> None:
    """Check configuration, keys, database, rights and sources; say what is wrong and what to do.

    Example: onestop doctor --config province.yml
    """
    settings = config.load(_existing(config_file))
    from onestop.pipeline.doctor import examine

    findings = examine(settings)
    if as_json:
        print_json([{"check": f.check, "ok": f.ok, "says": f.says, "next_step": f.next_step} for f in findings])
    else:
        for finding in findings:
            mark = "[green]ok[/green]  " if finding.ok else "[red]fail[/red]"
            console.print(f"{mark} {finding.check}: {secret_free(finding.says)}", highlight=False)
            if finding.next_step:
                console.print(f"     Next step: {secret_free(finding.next_step)}", highlight=False)
    if not all(f.ok for f in findings):
        raise typer.Exit(1)


def _existing(config_file: Path) -> Path:
    """The configuration; without one in this folder, the demo's, if it was played here."""
    if config_file == DEFAULT_CONFIG and not config_file.exists() and DEMO_CONFIG.exists():
        return DEMO_CONFIG
    return config_file
