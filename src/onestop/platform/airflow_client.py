"""A client of Airflow's REST API, version 2: start a DAG run, follow it, read its results and its logs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any
from urllib.parse import quote

import httpx

from onestop.errors import OnestopError, WarehouseUnavailable

_FINISHED = ("success", "failed")


@dataclass(frozen=True)
class Run:
    """One DAG run."""

    dag_id: str
    run_id: str
    state: str

    @property
    def finished(self) -> bool:
        """Whether it ended, well or not."""
        return self.state in _FINISHED


@dataclass(frozen=True)
class Task:
    """One task of a run; `seconds` counts its current or last try."""

    task_id: str
    state: str
    try_number: int
    seconds: float


class DagRunError(OnestopError):
    """A DAG run ended without success; the message has the end of the failing task's log."""


class AirflowClient:
    """The API of one Airflow.

    Args:
        url: address of the API server.
        user, password: an account of its simple auth manager.
    """

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url
        self._account = {"username": user, "password": password}
        self._http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def __enter__(self) -> AirflowClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def healthy(self, since: float = 0) -> bool:
        """Whether database, scheduler and DAG processor have all given a sign of life after `since` (Unix time)."""
        health = health_of(self.url)
        if health.get("metadatabase", {}).get("status") != "healthy":
            return False
        for part in ("scheduler", "dag_processor"):
            found = health.get(part, {})
            if found.get("status") != "healthy" or _unix(found.get(f"latest_{part}_heartbeat")) < since:
                return False
        return True

    def dag_ids(self) -> list[str]:
        """All active DAGs."""
        return sorted(d["dag_id"] for d in self._get("/dags", limit=100)["dags"])

    def make_pools(self, pools: Mapping[str, str]) -> None:
        """Make those of these pools (name -> description) that are missing, with one slot each; the others stay."""
        known = {pool["name"] for pool in self._get("/pools", limit=1000)["pools"]}
        for name, description in pools.items():
            if name not in known:
                self._request("POST", "/pools", json={"name": name, "slots": 1, "description": description})

    def import_errors(self) -> dict[str, str]:
        """What is wrong with the DAGs' files: file name to message."""
        return {e["filename"]: e["stack_trace"] for e in self._get("/importErrors", limit=100)["import_errors"]}

    def trigger(self, dag_id: str, conf: Mapping[str, Any] | None = None, note: str | None = None) -> Run:
        """Start a run with these params.

        Raises:
            OnestopError: there is no such DAG, or the params are refused.
        """
        body = {"logical_date": None, "conf": dict(conf or {}), "note": note}
        answer = self._request("POST", f"/dags/{quote(dag_id)}/dagRuns", json=body)
        return _run(answer)

    def run(self, dag_id: str, run_id: str) -> Run:
        """How a run stands."""
        return _run(self._get(f"/dags/{quote(dag_id)}/dagRuns/{quote(run_id, safe='')}"))

    def asset_runs(self, dag_id: str, since: datetime) -> list[Run]:
        """The runs of a DAG that an updated asset started at or after `since`, the oldest first."""
        path = f"/dags/{quote(dag_id)}/dagRuns"
        wanted = {"run_type": "asset_triggered", "run_after_gte": since.isoformat(), "order_by": "run_after"}
        return [_run(r) for r in self._get(path, limit=100, **wanted)["dag_runs"]]

    def causes(self, run: Run) -> set[str]:
        """The DAGs whose new data started a run."""
        events = self._get(f"{_place(run)}/upstreamAssetEvents")["asset_events"]
        return {e["source_dag_id"] for e in events if e["source_dag_id"]}

    def tasks(self, run: Run) -> list[Task]:
        """The tasks of a run, those that started first in front, those that did not start last."""
        found = self._get(f"{_place(run)}/taskInstances", limit=100)["task_instances"]
        found.sort(key=lambda t: (t["start_date"] is None, t["start_date"] or ""))
        return [Task(t["task_id"], t["state"] or "waiting", t["try_number"], _seconds(t)) for t in found]

    def returned(self, run: Run, task_id: str) -> Any:
        """What a task handed on.

        Raises:
            OnestopError: nothing.
        """
        return self._get(f"{_place(run)}/taskInstances/{quote(task_id)}/xcomEntries/return_value", deserialize=True)[
            "value"
        ]

    def log_lines(self, run: Run, task: Task) -> list[str]:
        """The log of a task's last try, without the frame around it; nothing while the task has not started."""
        if task.try_number == 0 or task.state == "queued":
            return []
        path = f"{_place(run)}/taskInstances/{quote(task.task_id)}/logs/{task.try_number}"
        lines = []
        for entry in self._get(path, full_content=True)["content"]:
            event = entry if isinstance(entry, str) else str(entry.get("event", ""))
            if not event.startswith(("::group::", "::endgroup::")):
                lines.append(event)
                if isinstance(entry, dict):
                    lines += [f"{e.get('exc_type')}: {e.get('exc_value')}" for e in entry.get("error_detail") or []]
        return lines

    def wait(
        self,
        run: Run,
        *,
        timeout_seconds: float,
        on_progress: Callable[[list[Task]], None] | None = None,
        every_seconds: float = 1.0,
    ) -> Run:
        """Follow a run to its end.

        Args:
            on_progress: called with the tasks at every look.

        Raises:
            DagRunError: it failed, or took longer than `timeout_seconds`.
        """
        deadline = time.monotonic() + timeout_seconds
        page = f"{self.url}/dags/{run.dag_id}/runs/{run.run_id}"
        while True:
            run = self.run(run.dag_id, run.run_id)
            tasks = self.tasks(run)
            if on_progress:
                on_progress(tasks)
            if run.state == "success":
                return run
            if run.state == "failed":
                raise DagRunError(
                    self._why(run, tasks), next_step=f"open {self.url}/dags/{run.dag_id}/runs/{run.run_id}"
                )
            if time.monotonic() > deadline:
                doing = ", ".join(f"{t.task_id}: {t.state}" for t in tasks)
                raise DagRunError(
                    f"{run.dag_id} was not done after {timeout_seconds:.0f} seconds ({doing})",
                    next_step=f"open {page}",
                )
            time.sleep(every_seconds)

    def _why(self, run: Run, tasks: list[Task]) -> str:
        failed = [t for t in tasks if t.state == "failed"]
        if not failed:
            return f"{run.dag_id} failed before any of its tasks did"
        tail = "\n".join(self.log_lines(run, failed[0])[-15:])
        return f"{run.dag_id}: the task {failed[0].task_id} failed; the end of its log:\n{tail}"

    def _get(self, path: str, **parameters: Any) -> Any:
        return self._request("GET", path, params=parameters)

    def _request(self, method: str, path: str, **arguments: Any) -> Any:
        try:
            answer = self._http.request(method, f"/api/v2{path}", **arguments)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._sign_in()
                answer = self._http.request(method, f"/api/v2{path}", **arguments)
        except httpx.HTTPError as problem:
            raise WarehouseUnavailable(
                f"Airflow at {self.url} does not answer: {problem}", next_step="look at `onestop status`"
            ) from problem
        if answer.is_error:
            raise OnestopError(f"Airflow refused {method} {path}: {answer.status_code} {_detail(answer)}")
        return answer.json()

    def _sign_in(self) -> None:
        answer = self._http.post("/auth/token", json=self._account)
        if answer.is_error:
            raise OnestopError(
                f"Airflow at {self.url} does not accept the password of {self._account['username']}",
                next_step="run `onestop down` and `onestop up`",
            )
        self._http.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"


def health_of(url: str, timeout_seconds: float = 5) -> dict[str, dict[str, Any]]:
    """What the API server at this address says of each part, without an account; empty where it does not answer."""
    try:
        answer = httpx.get(f"{url}/api/v2/monitor/health", timeout=timeout_seconds, trust_env=False)
        return dict(answer.json()) if answer.status_code == httpx.codes.OK else {}
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return {}


def _place(run: Run) -> str:
    return f"/dags/{quote(run.dag_id)}/dagRuns/{quote(run.run_id, safe='')}"


def _run(answer: Mapping[str, Any]) -> Run:
    return Run(answer["dag_id"], answer["dag_run_id"], answer["state"])


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]


def _unix(moment: str | None) -> float:
    return datetime.fromisoformat(moment).timestamp() if moment else 0.0


def _seconds(task: Mapping[str, Any]) -> float:
    if task["start_date"] is None:
        return 0.0
    end = _unix(task["end_date"]) or datetime.now(UTC).timestamp()
    return max(end - _unix(task["start_date"]), 0.0)
