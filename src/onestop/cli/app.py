"""The `onestop` command: its commands put together, and errors turned into exit codes.

Exit codes (public): 0 done, 1 failed, 2 wrong usage or configuration, 3 data refused.
"""

from __future__ import annotations

import logging
import sys
import traceback
from pathlib import Path

import typer
from typer.exceptions import TyperException

from onestop import __version__
from onestop.cli import (
    accounts,
    alerts,
    bi,
    delivery,
    erase,
    explain,
    former,
    keys,
    lineage,
    local,
    maintenance,
    models,
    published,
    quality,
    quarantine,
    quarter,
    reconcile,
    roles,
    show,
    steps,
    unit_answers,
    watch,
)
from onestop.cli.output import error_console, mask_passwords, secret_free
from onestop.errors import OnestopError
from onestop.logs import begin, is_json

app = typer.Typer(
    name="onestop",
    help="A province's warehouse for administrative-procedure dossiers.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)

_log = logging.getLogger("onestop.cli")
_INTERRUPTED = 130  # what typer makes of Ctrl-C


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"onestop {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
    debug: bool = typer.Option(False, "--debug", help="Show tracebacks."),
) -> None:
    """A province's warehouse for administrative-procedure dossiers."""


steps.register(app)
quality.register(app)
local.register(app)
models.register(app)
quarantine.register(app)
published.register(app)
reconcile.register(app)
quarter.register(app)
former.register()
delivery.register()
unit_answers.register()
explain.register(app)
roles.register(app)
keys.register(app)
erase.register(app)
show.register(app)
bi.register(app)
alerts.register(app)
watch.register(app)
maintenance.register(app)
lineage.register(app)
accounts.register(app)


def main() -> None:
    """Entry point of the `onestop` command."""
    debug = "--debug" in sys.argv
    words = [word for word in sys.argv[1:] if word != "--debug"]
    begin(next((word for word in words if not word.startswith("-")), ""))
    try:
        code = app(words, prog_name="onestop", standalone_mode=False)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
    except typer.Exit as leave:
        code = leave.exit_code
    except typer.Abort:
        error_console.print("stopped")
        code = 1
    except TyperException as wrong:
        _show_usage(wrong)
        code = 2
    except OnestopError as problem:
        _show(problem, debug)
        code = problem.exit_code
    except KeyboardInterrupt:
        error_console.print("stopped")
        code = 1
    except Exception as fault:
        from onestop.pipeline.warehouse_faults import fault_of  # here, for the speed of commands that ask no database

        said = fault_of(fault, " ".join(words[:1]))
        if said and not debug:
            _show(said, debug)
        elif debug:
            traceback.print_exc()
        else:
            error_console.print(f"[red]Unexpected fault[/red] {secret_free(_words(fault))}", highlight=False)
            error_console.print("  Next step: run it again with --debug and report what it shows", highlight=False)
        code = 1
    sys.exit(code if isinstance(code, int) else 0)


def _show_usage(wrong: TyperException) -> None:
    context = getattr(wrong, "ctx", None)
    if said := wrong.format_message():  # without any words, typer has shown the help already
        error_console.print("[red]Error[/red] " + secret_free(said), highlight=False)
        command = context.command_path if context else "onestop"
        error_console.print(f"  Next step: see {command} --help", highlight=False)


def _words(fault: Exception) -> str:
    """What may be shown of a fault that nobody foresaw: its own words only where they cannot quote a record."""
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    where = f"{type(fault).__name__} in {Path(frame.filename).name}, line {frame.lineno}"
    return f"{where}: {fault}" if isinstance(fault, OSError) else where


def _show(problem: OnestopError, debug: bool) -> None:
    if debug:
        traceback.print_exc()
    if is_json():
        fields = {"kind": type(problem).__name__, "next_step": problem.next_step, "exit_code": problem.exit_code}
        _log.error("%s", mask_passwords(problem.message), extra={"fields": fields})
        return
    error_console.print("[red]Error[/red] " + secret_free(problem.message), highlight=False)
    if problem.next_step:
        error_console.print("  Next step: " + secret_free(problem.next_step), highlight=False)
