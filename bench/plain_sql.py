"""What dbt adds to the SQL that it runs: a whole build beside the same statements without dbt.

After a build of planted dossiers (onestop.sandbox.planted) the statements that dbt compiled of its models and data tests run
once more over plain connections, as many as dbt has threads: each model into a table that is dropped again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from bench.place import planted_place
from onestop.sandbox import planted
from onestop.transform.dbt import build
from onestop.transform.profile import THREADS
from onestop.warehouse.connection import connect


def measure(dossiers: int) -> tuple[float, float]:
    """Seconds of dbt's build of all models with their tests, and of its SQL alone."""
    with planted_place(dossiers) as (dsn, folder):
        result = build(
            dsn,
            province_code=planted.PROVINCE,
            timezone="Asia/Ho_Chi_Minh",
            known_at=planted.KNOWN_AT,
            target_path=folder / "dbt",
        )
        statements = list(_statements(folder / "dbt"))
        began = time.monotonic()
        with ThreadPoolExecutor(THREADS) as threads:
            for done in [threads.submit(_run, dsn, statement) for statement in statements]:
                done.result()
        return result.seconds, time.monotonic() - began


def _statements(target: Path) -> Iterator[str]:
    """What the build ran of models that are tables, and of tests; in dbt's order, though all that they read is there."""
    nodes = json.loads((target / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    results = json.loads((target / "run_results.json").read_text(encoding="utf-8"))["results"]
    for number, result in enumerate(results):
        node, text = nodes[result["unique_id"]], result["compiled_code"]
        if node["resource_type"] == "test":
            yield f"select count(*) from ({text}\n) as failing"
        elif node["resource_type"] == "model" and node["config"]["materialized"] != "view":
            indexes = "".join(
                f"; create {'unique ' if index.get('unique') else ''}index on plain_{number} using"
                f" {index.get('type') or 'btree'} ({', '.join(index['columns'])})"
                for index in node["config"].get("indexes") or ()
            )
            yield f"create table plain_{number} as {text}\n{indexes}; analyze plain_{number}; drop table plain_{number}"


def _run(dsn: str, statement: str) -> None:
    with closing(connect(dsn, autocommit=True)) as connection:
        connection.execute(statement.encode())
