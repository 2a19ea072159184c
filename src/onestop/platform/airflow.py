"""The local Airflow: an API server, a scheduler with its task slots, and a DAG processor, on 127.0.0.1.

There is a pool of one slot for each source, and one task slot more than there are sources: a source that hangs takes
its own slot and nobody else's.

Its folder is `.local/airflow`; `.local/airflow/onestop.json` (readable by its owner only) holds the port, the
password and the keys that were chosen at the first start. To move to another port, run `onestop down`, write
the number at "port" in that file and start again. There is no triggerer: nothing here waits in one.

Its one account is Airflow's development login, with a password of its own: for one person on one machine, which is why it
listens on 127.0.0.1 only. Where people work with it, onestop.platform.accounts has their roles.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path

import psycopg

from onestop.config import Settings
from onestop.errors import ConfigurationError, WarehouseUnavailable
from onestop.platform.airflow_client import AirflowClient
from onestop.platform.names import CONFIG_VARIABLE, expected_dag_ids, pools_of
from onestop.platform.processes import Service, port_is_free, port_to_keep, stop, wait_until
from onestop.resources import resource
from onestop.warehouse.embedded import EmbeddedPostgres

USER = "admin"
START_SECONDS = 180
MOST_TASKS = 16  # at once: each ingest that is loading takes some 0.8 GB
DAGS_SECONDS = 60
_NO_DATABASE = "airflow-db-not-allowed"
_SECRETS_BACKEND = ("AIRFLOW__SECRETS__BACKEND", "AIRFLOW__WORKERS__SECRETS_BACKEND")
_COMMANDS = {
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "api-server": ("api-server",),
}


@dataclass(frozen=True)
class _State:
    port: int
    password: str
    jwt_secret: str
    secret_key: str
    fernet_key: str


class LocalAirflow:
    """The Airflow of one project folder.

    Args:
        settings: the province whose DAGs it runs.
        metadata_dsn: libpq URI of the database for Airflow's own tables.
    """

    def __init__(self, settings: Settings, metadata_dsn: str) -> None:
        self.settings = settings
        self.home = settings.local / "airflow"
        self.logs = settings.local / "logs" / "airflow"
        self._dsn = metadata_dsn.partition("?")[0]

    @property
    def url(self) -> str:
        """Where the UI and the API are."""
        return f"http://127.0.0.1:{self._state.port}"

    @property
    def password(self) -> str:
        """The password of the user `admin`."""
        return self._state.password

    def client(self) -> AirflowClient:
        """A client of the REST API, signed in as `admin`."""
        return AirflowClient(self.url, USER, self.password)

    def start(self, extra_environment: Mapping[str, str] | None = None) -> None:
        """Start what does not run yet and wait until it is healthy and has read the DAGs.

        Args:
            extra_environment: variables for the tasks, over those of this process.

        Raises:
            WarehouseUnavailable: a port is taken, or a server did not start; the message has the end of its log.
        """
        environment = self.environment(extra_environment)
        wanted = services(self.settings)
        if all(s.running for s in wanted):
            with self.client() as client:
                self._make_pools(client)  # of sources that province.yml has had since
            return
        if not wanted[-1].running and not port_is_free(self._state.port):
            raise WarehouseUnavailable(
                f"port {self._state.port} of 127.0.0.1, on which Airflow's page should be, is taken by another program",
                next_step=f'stop that program, or write another number at "port" in {self._state_file}',
            )
        self._write(self.home / "passwords.json", {USER: self.password})
        self._migrate(environment)
        began = time.time()
        for service in wanted:
            service.start([sys.executable, "-m", "airflow", *_COMMANDS[service.name]], environment)
        with self.client() as client:
            wait_until(lambda: client.healthy(since=began), wanted, what="Airflow", timeout_seconds=START_SECONDS)
            self._make_pools(client)
            wait_until(
                lambda: self._dags_are_read(client), wanted, what="reading the DAGs", timeout_seconds=DAGS_SECONDS
            )

    def _make_pools(self, client: AirflowClient) -> None:
        client.make_pools(pools_of(self.settings))

    def _dags_are_read(self, client: AirflowClient) -> bool:
        return expected_dag_ids(self.settings) <= set(client.dag_ids()) or bool(client.import_errors())

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of Airflow's processes and so of the tasks: this process's, with our Airflow and no other, but
        with the secrets backend that it names."""
        kept = {k: v for k, v in os.environ.items() if not k.startswith("AIRFLOW__") or k.startswith(_SECRETS_BACKEND)}
        return kept | self._airflow_environment() | dict(extra or {})

    def _airflow_environment(self) -> dict[str, str]:
        state = self._state
        options = {
            "core": {
                "auth_manager": "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager",
                "dagbag_import_error_tracebacks": "False",  # the message is for a person; the traceback is in the log
                "dags_are_paused_at_creation": "False",
                "dags_folder": str(resource("dags")),
                "execution_api_server_url": f"{self.url}/execution/",
                "executor": "LocalExecutor",
                "fernet_key": state.fernet_key,
                "hostname_callable": "socket.gethostname",
                "load_examples": "False",
                "min_serialized_dag_update_interval": "5",
                "parallelism": str(min(max(2, len(self.settings.sources) + 1), MOST_TASKS)),
                "simple_auth_manager_passwords_file": str(self.home / "passwords.json"),
                "simple_auth_manager_users": f"{USER}:admin",
            },
            "database": {"sql_alchemy_conn": self._dsn.replace("postgresql://", "postgresql+psycopg2://", 1)},
            "api": {
                "base_url": self.url,
                "host": "127.0.0.1",
                "instance_name": f"Onestop · {self.settings.province.name_vi}",
                "port": str(state.port),
                "secret_key": state.secret_key,
                "worker_timeout": "15",  # also how long a shutdown waits for open pages
                "workers": "1",
            },
            "api_auth": {"jwt_secret": state.jwt_secret},
            "dag_processor": {"min_file_process_interval": "30", "parsing_processes": "1", "refresh_interval": "30"},
            "scheduler": {"orphaned_tasks_check_interval": "60"},  # Airflow's 300: how long a killed one's tasks wait
            "logging": {
                "base_log_folder": str(self.logs),
                "colored_console_log": "False",
                "dag_processor_child_process_log_directory": str(self.logs / "dag_processor"),
                "file_task_handler_new_file_permissions": "0o600",
                "file_task_handler_new_folder_permissions": "0o700",
                "namespace_levels": "great_expectations=WARNING httpx=WARNING",  # a line per request, per data source
            },
        }
        variables = {f"AIRFLOW__{s.upper()}__{k.upper()}": v for s, keys in options.items() for k, v in keys.items()}
        return variables | {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW_CONFIG": str(self.home / "airflow.cfg"),
            CONFIG_VARIABLE: str(self.settings.file),
            # No usage statistics from anything that the tasks call.
            "DO_NOT_TRACK": "1",
            "GX_ANALYTICS_ENABLED": "false",
        }

    def _migrate(self, environment: Mapping[str, str]) -> None:
        """Make or upgrade Airflow's tables where they are not those of the installed version."""
        stamp, installed = self.home / "migrated.txt", version("apache-airflow-core")
        with psycopg.connect(self._dsn, connect_timeout=10) as connection:
            found = connection.execute("select to_regclass('alembic_version') is not null").fetchone()
        if found == (True,) and stamp.is_file() and stamp.read_text(encoding="ascii") == installed:
            return
        log = self.logs / "migrate.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as output:
            done = subprocess.run(
                [sys.executable, "-m", "airflow", "db", "migrate"],
                env=dict(environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            raise WarehouseUnavailable(
                "Airflow could not make its tables", next_step=f"read the end of {log}, then start again"
            )
        stamp.write_text(installed, encoding="ascii")

    @property
    def _state_file(self) -> Path:
        return self.home / "onestop.json"

    @cached_property
    def _state(self) -> _State:
        try:
            return _State(**json.loads(self._state_file.read_text(encoding="utf-8")))
        except FileNotFoundError:
            state = _State(
                port=port_to_keep(self.home),
                password=secrets.token_urlsafe(12),
                jwt_secret=secrets.token_urlsafe(48),
                secret_key=secrets.token_urlsafe(32),
                fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode("ascii"),
            )
            self._write(self._state_file, asdict(state))
            return state
        except (ValueError, TypeError) as problem:
            raise ConfigurationError(
                f"{self._state_file} cannot be understood: {problem}",
                next_step="mend it, or remove it: a new port, password and keys are made then",
            ) from None

    def _write(self, file: Path, content: object) -> None:
        """A file that only its owner may read; whole or not at all."""
        self.home.mkdir(parents=True, exist_ok=True)
        self.home.chmod(0o700)
        part = file.with_suffix(".part")
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            json.dump(content, stream, indent=1)
        part.replace(file)


def environment_of(settings: Settings) -> dict[str, str]:
    """The environment of a project's Airflow servers; in an Airflow that onestop did not start, this process's own,
    without the address in place of its database that Airflow gives to tasks: the one in a file or a command counts."""
    if not (settings.local / "airflow" / "onestop.json").is_file():
        return {k: v for k, v in os.environ.items() if not v.startswith(_NO_DATABASE)}
    return LocalAirflow(settings, EmbeddedPostgres(settings.local).airflow_dsn).environment()


def stop_airflow(settings: Settings) -> list[str]:
    """Stop what runs of a project's Airflow, its tasks too; the names of what was stopped."""
    found = services(settings)
    running = [s.name for s in found if s.running]
    stop(found[:-1])
    stop(found[-1:])  # last, so that a task that was ended could still say so
    return running


def services(settings: Settings) -> list[Service]:
    """The servers of a project's Airflow, the API server last."""
    run, logs = settings.local / "run", settings.local / "logs" / "airflow"
    return [Service(name, run, logs / f"{name}.log") for name in _COMMANDS]
