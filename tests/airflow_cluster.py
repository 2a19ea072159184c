"""Airflow on several servers, as docker/compose.yaml starts it: Celery, Redis, two workers that share the databases and
the landing's address, accounts with roles.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psycopg

from compose_processes import Processes
from delivery_servers import sftp_server
from onestop.platform.airflow_client import AirflowClient, Run
from onestop.sandbox.main import start
from onestop.sandbox.server import OneStopServer
from onestop.warehouse.binaries import find
from onestop.warehouse.embedded import EmbeddedPostgres

LOST_AFTER = 30  # seconds without a sign of life from a task, here; Airflow's own are 300
LANDING_PASSWORD = "the landing's own password"
ROLES = {"engineer": "engineers", "approver": "approvers", "viewer": "viewers"}
MAKE_ACCOUNTS = """
import sys
from onestop import config
from onestop.errors import ConfigurationError
from onestop.platform import accounts
settings = config.load("province.yml")
for name, role in zip(sys.argv[1::2], sys.argv[2::2]):
    accounts.add(settings, name, role, f"{name}@tinh.gov.vn", by="Trần Thị B")
accounts.add(settings, "gone", "viewers", "gone@tinh.gov.vn", by="Trần Thị B")
accounts.set_password(settings, "gone", by="Nguyễn Văn A")
accounts.remove(settings, "gone", by="Nguyễn Văn A")
try:
    accounts.add(settings, "engineer", "viewers", "other@tinh.gov.vn", by="who is refused")
except ConfigurationError:
    pass
"""


@dataclass
class Cluster:
    """What runs, and where."""

    processes: Processes
    dsn: str
    sandbox_folder: Path
    source: OneStopServer
    sources: dict[str, str]
    landed: Path

    def client(self, name: str) -> AirflowClient:
        """Of a person who has an account."""
        password = self.processes.home("worker-1") / ".local" / "accounts" / f"{name}.password"
        return AirflowClient(self.processes.url, name, password.read_text().strip())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the warehouse answers its owner."""
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query.encode()).fetchall()


@contextmanager
def running() -> Iterator[Cluster]:
    """All servers up and well, accounts made; stopped and removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="onestop-test-")).resolve()
    folder.chmod(0o755)
    postgres = EmbeddedPostgres(folder / "server")
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder)
        stack.callback(postgres.destroy)
        postgres.start()
        with psycopg.connect(postgres.admin_dsn, autocommit=True) as connection:
            connection.execute("alter system set fsync = off")
            connection.execute("select pg_reload_conf()")
        made = stack.enter_context(
            start("small", folder / "sandbox", port=0, every_kind=True, sftp_port=0, with_expected=False)
        )
        (landed := folder / "landing").mkdir()
        port = stack.enter_context(sftp_server(landed, "landing", LANDING_PASSWORD))
        province = folder / "sandbox" / "province.yml"
        province.write_text(province.read_text().replace(".local/landing", f"sftp://127.0.0.1:{port}/deliveries"))
        assert made.scenario is not None
        sources = made.environment | {"ONESTOP_AS_OF": made.scenario.as_of.isoformat()}
        given = sources | {"ONESTOP_LANDING_OPTIONS": json.dumps({"username": "landing", "password": LANDING_PASSWORD})}
        admin = urlsplit(postgres.admin_dsn)
        assert admin.port and admin.password and admin.username
        (folder / "cluster").mkdir()
        otherwise = {"AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": str(LOST_AFTER)}
        otherwise |= {"AIRFLOW__CELERY__WORKER_CONCURRENCY": "1"}
        processes = Processes(folder / "cluster", admin.port, folder / "sandbox", given, otherwise)
        login = {"PGHOST": "127.0.0.1", "PGPORT": str(admin.port), "PGPASSWORD": admin.password}
        login |= {"POSTGRES_USER": admin.username, "SECRETS": str(processes.secrets)}
        programs = {"PATH": f"{find().bin}:{os.environ['PATH']}"}
        for _ in range(2):  # twice is once
            subprocess.run([processes.docker / "postgres-init.sh"], env=login | programs, check=True)
        stack.callback(processes.stop)
        processes.start("redis")
        assert processes.run("prepare").splitlines()[-1] == "ready"
        processes.start("api-server", "scheduler", "dag-processor", "triggerer", "worker-1", "worker-2")
        people = [word for pair in ROLES.items() for word in pair]
        processes.run("worker-1", "python", "-c", MAKE_ACCOUNTS, *people)
        processes.wait_until_healthy("redis", "api-server", "scheduler", "dag-processor", "triggerer")
        yield Cluster(processes, processes.secret("warehouse_dsn"), folder / "sandbox", made.server, sources, landed)


def wait_for(client: AirflowClient, run: Run, task_id: str, states: set[str], seconds: float) -> None:
    """Until a task of the run is in one of these states; none may fail meanwhile."""
    end = time.monotonic() + seconds
    while True:
        tasks = {task.task_id: task for task in client.tasks(run)}
        if tasks.get(task_id) and tasks[task_id].state in states:
            return
        failed = [task for task in tasks.values() if task.state == "failed"]
        assert not failed, client.log_lines(run, failed[0])
        assert time.monotonic() < end, {name: task.state for name, task in tasks.items()}
        time.sleep(0.5)


def answered(cluster: Cluster, run: Run, chosen: str, reason: str = "") -> None:
    """What the approver clicks: the question of a run answered, for good."""
    path = f"/dags/{run.dag_id}/dagRuns/{quote(run.run_id, safe='')}/taskInstances/approve/-1/hitlDetails"
    with cluster.client("approver") as approver:
        asked = approver._get(path)
        assert "dự thảo lần" in asked["body"], "the question says what is to be signed"
        answer = {"chosen_options": [chosen], "params_input": {"reason": reason}}
        approver._request("PATCH", path, json=answer)
