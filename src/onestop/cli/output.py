"""How commands speak: tables and progress for people, JSON for programs, never a secret."""

from __future__ import annotations

import csv
import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.markup import escape

from onestop.logs import is_json, say
from onestop.pipeline.ingest_result import Progress
from onestop.reporting.literal import no_formula

# Into a pipe or a file, tables are written whole.
console = Console(width=None if Console().is_terminal else 160)
error_console = Console(stderr=True, soft_wrap=True)
_log = logging.getLogger("onestop.cli")
_DSN_PASSWORD = re.compile(r"(?<=://)([^:/@\s]*):[^@\s]+@")


def secret_free(text: str) -> str:
    """Text with the passwords of addresses masked, and safe to print with markup."""
    return escape(mask_passwords(text))


def mask_passwords(text: str) -> str:
    """Text with the passwords of addresses masked."""
    return _DSN_PASSWORD.sub(r"\1:***@", text)


def print_json(value: Any) -> None:
    """One JSON document on standard output; paths and dates as text."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2, default=str))


@contextmanager
def progress_line(quiet: bool) -> Iterator[Progress]:
    """Shows what runs and how far it is, on standard error, while the block runs."""
    if quiet or is_json() or not error_console.is_terminal:
        last: list[str] = []

        def plain(step: str, done: int) -> None:
            if last[-1:] == [step]:
                return
            last.append(step)
            if is_json():
                say(_log, "step", step=step)
            elif not quiet:
                error_console.print(f"… {step}", highlight=False)

        yield plain
        return
    with error_console.status("starting") as status:

        def live(step: str, done: int) -> None:
            status.update(f"{step}: {done:,} records" if done else step)

        yield live


def relative(path: Path) -> str:
    """A path as short as it can be said from here."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]], head: Sequence[str] = ()) -> None:
    """Rows as CSV, which a spreadsheet opens as UTF-8; `head`: the columns where there is no row.

    Codes come from sources: a text that a spreadsheet would take for a formula gets a mark before it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]) if rows else list(head))
        writer.writeheader()
        writer.writerows({name: no_formula(value) for name, value in row.items()} for row in rows)


def plain_number(value: Any) -> int | float | None:
    """A numeric as a number of JSON: whole where it is whole."""
    if value is None:
        return None
    return int(value) if value == int(value) else float(value)
