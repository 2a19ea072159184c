"""OpenLineage events of loads, builds and tasks, made from what ops has of them: names, counts and columns, never a value.

Nothing waits for them: every look of the watch writes those that are due. What was written is kept as a position beside
the file; a run's id follows from its batch or node, so that an event written twice is one event.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg

from onestop import __version__
from onestop.config import Settings, secret, variable
from onestop.errors import OnestopError
from onestop.pipeline.entities import entity_of, portal_entity
from onestop.resources import resource
from onestop.transform.lineage import Column, Lineage, read_schema
from onestop.transform.rounds import hash_of_code

PRODUCER = f"https://github.com/onestop/onestop/tree/{__version__}"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/definitions/RunEvent"
_FACETS = "https://openlineage.io/spec/facets/{}"
PORTAL = "portal_export"
_SECONDS = 10
_BATCHES = """
    select b.batch_id, b.source_id, b.entity, b.state, b.received, b.accepted, b.started_at, b.finished_at, s.kind
    from ops.load_batch as b left join ops.source as s using (source_id)
    where b.batch_id > %s order by b.batch_id limit 10000
"""
_NODES = """
    select invocation_id, unique_id, status, rows_affected, finished_at from ops.dbt_node_result
    where finished_at > %s and resource_type = 'model' order by finished_at, unique_id limit 10000
"""
_TASKS = """
    select task_run_id, dag_id, run_id, task_id, map_index, state, started_at, finished_at, try_number
    from ops.task_run where task_run_id > %s order by task_run_id limit 10000
"""
_log = logging.getLogger("onestop.lineage")
Event = dict[str, Any]


@dataclass
class _Position:
    """What was written: the newest batch, the newest node's moment, the newest task, the code whose columns were told."""

    batch_id: int = 0
    node_at: str = "1970-01-01T00:00:00+00:00"
    task_run_id: int = 0
    code: str = ""


def emit(settings: Settings, connection: psycopg.Connection[Any]) -> int:
    """Write what was loaded and built since the last time; how many events. A collector that is down is told later."""
    folder = settings.local / "lineage"
    file = folder / "position.json"
    try:
        position = _Position(**json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        position = _Position()
    namespace = f"postgres://{connection.info.host}:{connection.info.port}"
    made = _Events(settings, namespace, connection.info.dbname)
    events = [made.batch(row, position) for row in connection.execute(_BATCHES, [position.batch_id]).fetchall()]
    events += [made.task(row, position) for row in connection.execute(_TASKS, [position.task_run_id]).fetchall()]
    nodes = connection.execute(_NODES, [position.node_at]).fetchall()
    if nodes:
        code = hash_of_code(resource("dbt_project"))
        columns = _columns(settings, connection) if code != position.code else {}
        events += [made.node(row, columns, position) for row in nodes]
        position.code = code
    if not events:
        return 0
    try:
        _send(events, folder)
        file.write_text(json.dumps(asdict(position)), encoding="utf-8")
    except (httpx.HTTPError, OSError, OnestopError) as problem:
        _log.warning("lineage was not taken, and is told again at the next look: %s", type(problem).__name__)
        return 0
    return len(events)


class _Events:
    def __init__(self, settings: Settings, namespace: str, database: str) -> None:
        self._job = f"onestop.{settings.province.code}"
        self._namespace, self._database = namespace, database
        try:
            manifest = json.loads((settings.local / "dbt" / "manifest.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            manifest = {"nodes": {}, "sources": {}}
        nodes = manifest["nodes"] | manifest["sources"]
        self._relations = {
            unique_id: f"{node['schema']}.{node.get('alias') or node['identifier']}"
            for unique_id, node in nodes.items()
            if node["resource_type"] in ("model", "seed", "snapshot", "source")
        }
        self._parents = {u: n.get("depends_on", {}).get("nodes", []) for u, n in manifest["nodes"].items()}

    def batch(self, row: tuple[Any, ...], position: _Position) -> Event:
        """A load: from the source to raw."""
        batch_id, source, entity, state, received, accepted, started, finished, kind = row
        position.batch_id = batch_id
        delivered = {"namespace": f"onestop://{source}", "name": entity}
        counted = _facet("OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=accepted)
        loaded = self._dataset(raw_table(kind, entity), outputFacets={"outputStatistics": counted})
        received_facet = _facet("InputStatisticsInputDatasetFacet", "1-0-0", rowCount=received)
        return self._event(
            "COMPLETE" if state in ("loaded", "duplicate") else "FAIL",
            finished, f"batch {batch_id}", f"ingest.{source}.{entity}", "INGEST",
            [delivered | {"inputFacets": {"inputStatistics": received_facet}}], [loaded], started,
        )  # fmt: skip

    def node(self, row: tuple[Any, ...], columns: Mapping[str, Event], position: _Position) -> Event:
        """A model of a build."""
        invocation, unique_id, status, rows, finished = row
        position.node_at = finished.isoformat()
        name = self._relations.get(unique_id, unique_id.rpartition(".")[2])
        inputs = [self._dataset(self._relations[p]) for p in self._parents.get(unique_id, ()) if p in self._relations]
        more: dict[str, Any] = {}
        if rows is not None and rows >= 0:
            counted = _facet("OutputStatisticsOutputDatasetFacet", "1-0-2", rowCount=rows)
            more["outputFacets"] = {"outputStatistics": counted}
        if fields := columns.get(name):
            named = {
                column: {"inputFields": [self._dataset(c.table) | {"field": c.name} for c in made_of]}
                for column, made_of in fields.items()
            }
            more["facets"] = {"columnLineage": _facet("ColumnLineageDatasetFacet", "1-2-0", fields=named)}
        return self._event(
            "COMPLETE" if status == "success" else "FAIL",
            finished, f"{invocation} {unique_id}", f"transform.{name}", "MODEL", inputs, [self._dataset(name, **more)], None,
        )  # fmt: skip

    def task(self, row: tuple[Any, ...], position: _Position) -> Event:
        """A task of a DAG run; the run is its parent. Nothing of its parameters is told: people write them."""
        number, dag, run, task, place, state, started, finished, attempt = row
        position.task_run_id = number
        name = f"airflow.{dag}.{task}"
        event = self._event(
            "COMPLETE" if state == "success" else "FAIL",
            finished, f"{dag} {run} {task} {place} {attempt}", name, "TASK", [], [], started,
        )  # fmt: skip
        parent = {
            "run": {"runId": self._run_id(f"{dag} {run}")},
            "job": {"namespace": self._job, "name": f"airflow.{dag}"},
        }
        event["run"]["facets"]["parent"] = _facet("ParentRunFacet", "1-1-0", **parent)
        return event

    def _run_id(self, run: str) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self._job} {self._namespace} {run}"))

    def _dataset(self, relation: str, **more: Any) -> Event:
        return {"namespace": self._namespace, "name": f"{self._database}.{relation}", **more}

    def _event(
        self, kind: str, at: datetime, run: str, job: str, job_type: str, inputs: list[Event], outputs: list[Event],
        started: datetime | None,
    ) -> Event:  # fmt: skip
        times = (
            {"nominalTime": _facet("NominalTimeRunFacet", "1-0-1", nominalStartTime=_iso(started))} if started else {}
        )
        job_facet = _facet("JobTypeJobFacet", "2-0-3", processingType="BATCH", integration="ONESTOP", jobType=job_type)
        return {
            "eventType": kind,
            "eventTime": _iso(at),
            "run": {
                "runId": self._run_id(run),
                "facets": times,
            },
            "job": {"namespace": self._job, "name": job, "facets": {"jobType": job_facet}},
            "inputs": inputs,
            "outputs": outputs,
            "producer": PRODUCER,
            "schemaURL": SCHEMA,
        }


def raw_table(kind: str | None, entity: str) -> str:
    """Where a delivery's accepted rows lie."""
    if kind is None:  # the reference files' own
        return f"raw.{entity}"
    return f"raw.{(portal_entity(entity) if kind == PORTAL else entity_of(kind)).spec.table}"


def _columns(settings: Settings, connection: psycopg.Connection[Any]) -> dict[str, dict[str, tuple[Column, ...]]]:
    """The columns of the served tables and what each is made of, one step back."""
    schema = read_schema(connection)
    lineage = Lineage(settings.local / "dbt", schema)
    found: dict[str, dict[str, tuple[Column, ...]]] = {}
    for space in ("mart", "report"):
        for table, names in schema.get(space, {}).items():
            try:
                steps = {name: lineage.step(Column(f"{space}.{table}", name)).made_of for name in names}
            except OnestopError as problem:
                _log.warning("%s", problem.message)
                continue
            found[f"{space}.{table}"] = {name: made_of for name, made_of in steps.items() if made_of}
    return found


def _send(events: Iterable[Event], folder: Path) -> None:
    url, key = variable("OPENLINEAGE_URL"), secret("OPENLINEAGE_API_KEY")
    folder.mkdir(parents=True, exist_ok=True)
    if url is None:
        with (folder / f"openlineage-{datetime.now(UTC):%Y-%m}.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(event, ensure_ascii=False) + "\n" for event in events)
        return
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    with httpx.Client(base_url=url, headers=headers, timeout=_SECONDS) as client:
        for event in events:
            client.post("/api/v1/lineage", json=event).raise_for_status()


def _facet(name: str, edition: str, **content: Any) -> Event:
    url = _FACETS.format(f"{edition}/{name}.json#/$defs/{name}")
    return {"_producer": PRODUCER, "_schemaURL": url, **content}


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
