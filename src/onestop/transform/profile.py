"""How dbt reaches the warehouse: a profile without secrets, and the environment that holds the password."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

import psycopg
import yaml
from psycopg.conninfo import conninfo_to_dict

PASSWORD = "DBT_ENV_SECRET_ONESTOP_PASSWORD"  # noqa: S105  (the variable's name; dbt keeps such values out of its logs)
THREADS = 4
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"
_PASSED_ON = ("sslmode", "sslcert", "sslkey", "sslrootcert")


def write_profile(folder: Path, connection: psycopg.Connection[tuple[object, ...]], dsn: str) -> Path:
    """Write profiles.yml for the database that the connection reached.

    Returns:
        the folder that holds it, readable by its owner alone.
    """
    info = connection.info
    given = conninfo_to_dict(dsn)
    taken_on, login = connection.execute("select current_user, session_user").fetchall()[0]
    output: dict[str, object] = {
        "type": "postgres",
        "host": info.host or info.hostaddr,
        "port": info.port,
        "user": info.user,
        "password": f"{{{{ env_var('{PASSWORD}') }}}}",
        **({"role": taken_on} if taken_on != login else {}),
        "dbname": info.dbname,
        "schema": "intermediate",
        "threads": THREADS,
        "application_name": "onestop dbt",
        "connect_timeout": 10,
        **{name: given[name] for name in _PASSED_ON if given.get(name)},
    }
    profile = {"onestop": {"target": "warehouse", "outputs": {"warehouse": output}}}
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    (folder / "profiles.yml").write_text(yaml.safe_dump(profile, sort_keys=False), encoding="utf-8")
    return folder


def environment(
    connection: psycopg.Connection[tuple[object, ...]],
    known_at: datetime,
    schema_prefix: str = "",
    *,
    test_all: bool = True,
) -> dict[str, str]:
    """The environment of the dbt process: ours without foreign dbt settings, the password, the build's moment and schemas.

    The moment goes by environment and not by --vars, which would make dbt parse the whole project again each time.
    Whoever forbids Python to keep what it compiled does not mean dbt: without that each call of it takes 5 s longer.
    """
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DBT_") and name != _NO_BYTECODE},
        PASSWORD: connection.info.password,
        "ONESTOP_KNOWN_AT": known_at.isoformat(),
        "ONESTOP_SCHEMA_PREFIX": schema_prefix,
        "ONESTOP_TESTS": "all" if test_all else "touched",
        "DO_NOT_TRACK": "1",
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DBT_LOG_LEVEL_FILE": "info",  # every statement with its time is 4 MB a build, and a tenth of a small one's time
        "PYTHONIOENCODING": "utf-8",
    }
