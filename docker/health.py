"""Whether a part of Airflow is well, as a health check of a container asks: exit code 0 or 1.

    python health.py scheduler | dag_processor | triggerer | metadatabase | worker NAME

The servers say so at one address of the API server, which asks nothing of Airflow's code here; a worker is asked over the
queue, which does.
"""

import json
import os
import subprocess
import sys
import urllib.request

URL = os.environ.get("AIRFLOW__CORE__EXECUTION_API_SERVER_URL", "http://127.0.0.1:8080/execution/")
PING = [
    "celery",
    "--app",
    "airflow.providers.celery.executors.celery_executor.app",
    "inspect",
    "ping",
    "--timeout",
    "10",
]


def is_well(part: str) -> bool:
    """Whether the API server has heard of the part lately."""
    address = URL.split("/execution")[0] + "/api/v2/monitor/health"
    with urllib.request.urlopen(address, timeout=8) as answer:  # noqa: S310  (the address is the operator's own)
        return json.load(answer).get(part, {}).get("status") == "healthy"


def answers(worker: str) -> bool:
    """Whether the worker of that name answers."""
    return subprocess.run([*PING, "--destination", worker], stdout=subprocess.DEVNULL, check=False).returncode == 0


if __name__ == "__main__":
    try:
        sys.exit(0 if (answers(sys.argv[2]) if sys.argv[1] == "worker" else is_well(sys.argv[1])) else 1)
    except OSError:
        sys.exit(1)
