"""Theo dõi nguồn dữ liệu và các lần chạy: what is late, silent or missing becomes an alert. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import dag, task

import onestop.platform.dag_support as support

PROVINCE = support.settings()
DOC = """\
### Theo dõi nguồn dữ liệu và các lần chạy

**What it does**: compares every source, the build and the backup with when they were due and with their history, counts
silent working days, silent units, uncovered days, rows that wait, room on disks. What it finds becomes an alert, what is
gone settles; then it tells what is due (after quiet hours, reminders), and writes the operations page and the metrics.

**Reads** `ops`, `quarantine`; **writes** `ops.alert`, `ops.watch_look`, `<reports.path>/operations/`, `watch.metrics`.

**When it fails** (khi lỗi): the warehouse cannot be reached (that is told, too), or a folder cannot be written.
"""


@dag(
    dag_id="ops__source_watch",
    schedule=support.local_cron(support.WATCH_EVERY, PROVINCE),
    doc_md=DOC,
    **support.dag_defaults("ops", files=True),
)
def ops__source_watch() -> None:
    """One look an hour; it starts nothing and asks no source."""

    @task
    @support.final_faults
    def look() -> list[str]:
        from onestop.clock import system_now
        from onestop.pipeline import operations

        seen = operations.look(PROVINCE, system_now())
        return [f"{one.kind}:{one.subject}" for one in seen.findings]

    look()


ops__source_watch()
