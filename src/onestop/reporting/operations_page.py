"""Trang vận hành: whether the night went well, what is late, what waits, whether the quarter will be ready; one HTML file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from onestop.reporting.numbers_vi import integer
from onestop.reporting.wording import province_title

_HERE = Path(__file__).parent
RunVerdict = Literal["fine", "late", "missing", "none"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run of the timetable. none: it was never due."""

    id: str
    verdict: RunVerdict
    due_at: datetime | None
    succeeded_at: datetime | None
    took: timedelta | None
    usual: timedelta | None
    waiting: int
    waiting_days: int


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One thing that is wrong."""

    fingerprint: str
    title: str
    opened_at: datetime
    times_seen: int
    failing_channels: Sequence[str]


@dataclass(frozen=True, slots=True)
class DagRow:
    """The newest run of a DAG."""

    dag_id: str
    period: str | None
    started_at: datetime | None
    finished_at: datetime
    tasks: int
    failed_tasks: Sequence[str]


@dataclass(frozen=True, slots=True)
class Operations:
    """What the page shows. conditions: state and text of each; None: nothing was built."""

    at: datetime
    is_fine: bool
    runs: Sequence[RunRow]
    alerts: Sequence[AlertRow]
    known_at: datetime | None
    looked_at: datetime | None
    backup_at: datetime | None
    free: dict[str, int]
    period: str
    conditions: Sequence[tuple[str, str]] | None
    dags: Sequence[DagRow] = ()


def operations_page(seen: Operations, *, province: str, zone: ZoneInfo) -> str:
    """The page's HTML."""
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    styles = (_HERE / "templates" / name for name in ("report.css", "quality.css"))
    return environment.get_template("operations.html.j2").render(
        o=seen,
        province=province_title(province),
        late=[run for run in seen.runs if run.verdict in ("late", "missing")],
        waiting=sum(run.waiting for run in seen.runs),
        open=[text for state, text in seen.conditions or () if state == "open"],
        integer=integer,
        moment=lambda value: f"{value.astimezone(zone):%H:%M ngày %d/%m/%Y}" if value else "chưa có",
        span=_span,
        css=Markup("\n".join(path.read_text(encoding="utf-8") for path in styles)),  # noqa: S704  (the project's own)
    )


def _span(value: timedelta | None) -> str:
    if value is None:
        return ""
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes} phút {seconds:02d} giây" if minutes else f"{seconds} giây"
