"""What dbt said of a build: read from run_results.json, filed in ops.dbt_node_result, told to a person."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psycopg

from onestop.errors import BuildFailed, OnestopError, WarehouseUnavailable

_LINES = 6
_CONNECTION_LOST = re.compile(
    r"could not connect|connection to server|server closed the connection|connection already closed"
    r"|connection has been closed|terminating connection|the database system is|could not translate host name"
    r"|connection refused|connection timed out|timeout expired|too many clients|remaining connection slots",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class NodeResult:
    """One node of a build.

    Attributes:
        unique_id: dbt's id: resource type, project, name.
        status: success, pass, warn, error, fail, skipped, ...
        seconds: its execution time.
        rows: rows written, where dbt knows.
        failures: of a test, the number of failing rows.
        message: the first lines of what dbt or the database said.
    """

    unique_id: str
    status: str
    seconds: float
    rows: int | None
    failures: int | None
    message: str | None

    @property
    def kind(self) -> str:
        """model, seed, test, unit_test, ..."""
        return self.unique_id.split(".")[0]

    @property
    def name(self) -> str:
        """The node's own name."""
        parts = self.unique_id.split(".")
        return parts[-1] if self.kind == "unit_test" else parts[2]

    @property
    def is_failed(self) -> bool:
        """It failed itself; a node skipped for another's sake did not."""
        return self.status in ("error", "fail", "runtime error", "partial success")


@dataclass(frozen=True)
class BuildResult:
    """A whole build, as filed.

    Attributes:
        invocation_id: the key of its rows in ops.dbt_node_result.
        nodes: every node that was looked at, in dbt's order.
        seconds: from the start of the dbt process to its end.
    """

    invocation_id: str
    nodes: tuple[NodeResult, ...]
    seconds: float

    @property
    def failed(self) -> tuple[NodeResult, ...]:
        """The nodes that failed themselves."""
        return tuple(node for node in self.nodes if node.is_failed)

    def count(self, kind: str) -> int:
        """How many nodes of a kind (model, test, ...) were done, skipped ones aside."""
        return sum(node.kind == kind and node.status != "skipped" for node in self.nodes)


def read_results(target_path: Path, seconds: float) -> BuildResult | None:
    """The results of the run that ended just now; None if dbt wrote none."""
    try:
        content = json.loads((target_path / "run_results.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    nodes = tuple(
        NodeResult(
            unique_id=result["unique_id"],
            status=result["status"],
            seconds=float(result["execution_time"]),
            rows=_written((result.get("adapter_response") or {}).get("rows_affected")),
            failures=result.get("failures"),
            message=_first_lines(result.get("message")),
        )
        for result in content["results"]
    )
    return BuildResult(content["metadata"]["invocation_id"], nodes, seconds)


def file_results(connection: psycopg.Connection[tuple[object, ...]], result: BuildResult) -> None:
    """One row per node into ops.dbt_node_result."""
    with connection.transaction(), connection.cursor() as cursor:
        cursor.executemany(
            "insert into ops.dbt_node_result (invocation_id, unique_id, resource_type, status, execution_seconds,"
            " rows_affected, failures, message) values (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (result.invocation_id, n.unique_id, n.kind, n.status, n.seconds, n.rows, n.failures, n.message)
                for n in result.nodes
            ],
        )


def explain(failed: Sequence[NodeResult], target_path: Path) -> OnestopError:
    """The failures as one error: BuildFailed, or WarehouseUnavailable where the connection was lost."""
    lost = next((node for node in failed if _CONNECTION_LOST.search(node.message or "")), None)
    if lost is not None:
        return connection_lost(lost.message or "")
    told = "\n".join(_told(node, target_path) for node in failed[:3])
    more = f"\n... and {len(failed) - 3} more, in ops.dbt_node_result" if len(failed) > 3 else ""
    return BuildFailed(
        f"the build failed; what depends on this was not built:\n{told}{more}",
        next_step="run the compiled SQL on the warehouse to see the rows, mend the cause, then run `onestop transform` again",
    )


def explain_without_results(output: str, target_path: Path) -> OnestopError:
    """The error of a dbt that ended before it had looked at a single node."""
    if _CONNECTION_LOST.search(output):
        return connection_lost(output)
    said = "\n".join(line for line in output.strip().splitlines()[-12:])
    return BuildFailed(
        f"dbt ended before it built anything:\n{said or '(it said nothing)'}",
        next_step=f"read {target_path / 'logs' / 'dbt.log'}",
    )


def connection_lost(said: str) -> WarehouseUnavailable:
    """dbt lost its way to the server; what it had built before stays."""
    found = [line.strip() for line in said.splitlines() if _CONNECTION_LOST.search(line)]
    return WarehouseUnavailable(
        f"the connection to the warehouse was lost during the build: {found[0] if found else said.strip()}",
        next_step="see that the server runs, then run `onestop transform` again",
    )


def _told(node: NodeResult, target_path: Path) -> str:
    found = sorted((target_path / "compiled").rglob(f"{node.name}.sql"))
    where = f"\n    compiled SQL: {found[0]}" if found else ""
    if node.status == "fail" and node.kind == "test":
        rows = "1 row" if node.failures == 1 else f"{node.failures} rows"
        return f"  the test {node.name} fails in {rows}{where}"
    said = (node.message or node.status).replace("\n", "\n    ")
    return f"  {node.kind.replace('_', ' ')} {node.name}: {said}{where}"


def _first_lines(message: str | None) -> str | None:
    if not message:
        return None
    lines = [line.rstrip() for line in message.strip().splitlines() if line.strip()]
    return "\n".join(lines[:_LINES])


def _written(rows: object) -> int | None:
    return rows if isinstance(rows, int) and rows >= 0 else None
