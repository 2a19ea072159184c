"""The models' documentation as one page that opens from a file, without a server or a network."""

from __future__ import annotations

import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from onestop.errors import BuildFailed
from onestop.resources import resource
from onestop.transform.dbt import executable, run, variables
from onestop.transform.profile import environment, write_profile
from onestop.transform.results import explain_without_results
from onestop.warehouse.connection import connect

PAGE = "static_index.html"


def write_docs(dsn: str, *, province_code: str, timezone: str, target_path: Path, destination: Path) -> Path:
    """Write what dbt knows of the models, with the tables' columns and sizes as the warehouse has them.

    Args:
        target_path: dbt's own folder of this purpose, so that it does not meet a build.
        destination: the page to write; replaced whole.

    Raises:
        BuildFailed: dbt could not write it.
        WarehouseUnavailable: the server cannot be reached.
        ConfigurationError: dbt is not installed beside this Python.
    """
    target_path = target_path.absolute()
    page = target_path / PAGE
    command = [
        *executable(),
        *("docs", "generate", "--static", "--project-dir", str(resource("dbt_project"))),
        *("--profiles-dir", str(target_path / "profiles")),
        *("--target-path", str(target_path), "--log-path", str(target_path / "logs")),
        *("--vars", variables(province_code, timezone)),
    ]
    with closing(connect(dsn, autocommit=True, role="transformer")) as connection:
        write_profile(target_path / "profiles", connection, dsn)
        page.unlink(missing_ok=True)
        output = run(command, environment(connection, datetime.now(UTC)), target_path)
    if not page.exists():
        raise explain_without_results(output, target_path)
    destination.parent.mkdir(parents=True, exist_ok=True)
    new = destination.with_suffix(".new")
    try:
        shutil.copyfile(page, new)
        new.replace(destination)
    except OSError as problem:
        raise BuildFailed(
            f"{destination} cannot be written: {problem.strerror}", next_step="choose another place with --output"
        ) from None
    return destination
