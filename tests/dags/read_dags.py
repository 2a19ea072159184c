"""Read the DAGs as Airflow's DAG processor does, in a process without network, and print what they are as JSON.

Usage: read_dags.py DAGS_FOLDER, with ONESTOP_CONFIG and AIRFLOW_HOME in the environment.
"""

import json
import logging
import socket
import sys
import time
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

logging.disable(logging.CRITICAL)


def refuse(*_: object, **__: object) -> None:
    raise RuntimeError("a DAG file went to the network")


socket.socket.connect = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse

bag = DagBag(dag_folder=sys.argv[1], collect_dags=False)
seconds = {}
for file in sorted(Path(sys.argv[1]).glob("*.py")):
    began = time.process_time()
    bag.process_file(str(file))
    seconds[file.name] = time.process_time() - began

try:
    socket.create_connection(("127.0.0.1", 9))
    blocked = False
except RuntimeError:
    blocked = True

sys.stdout.write(
    json.dumps(
        {
            "blocked": blocked,
            "seconds": seconds,
            "import_errors": {Path(name).name: text for name, text in bag.import_errors.items()},
            "dags": {
                dag_id: {
                    "file": Path(dag.fileloc).name,
                    "doc": dag.doc_md or "",
                    "tags": sorted(dag.tags),
                    "catchup": dag.catchup,
                    "max_active_runs": dag.max_active_runs,
                    "longest_run": dag.dagrun_timeout.total_seconds() if dag.dagrun_timeout else None,
                    "timetable": DagSerialization.to_dict(dag)["dag"]["timetable"],
                    "params": sorted(dag.params),
                    "schemas": {name: dag.params.get_param(name).schema for name in dag.params},
                    "tasks": {
                        task.task_id: {
                            "owner": task.owner,
                            "pool": task.pool,
                            "retries": task.retries,
                            "backoff": task.retry_exponential_backoff,
                            "before": sorted(task.downstream_task_ids),
                            "outlets": sorted(asset.uri for asset in task.outlets),
                        }
                        for task in dag.tasks
                    },
                }
                for dag_id, dag in bag.dags.items()
            },
        }
    )
)
