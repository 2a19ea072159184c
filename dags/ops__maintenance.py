"""Bảo trì: a backup that a restore proved, retention, vacuum, Airflow's own history. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import dag, task

import onestop.platform.dag_support as support

PROVINCE = support.settings()
DOC = """\
### Bảo trì: sao lưu có kiểm chứng, thời hạn lưu, dọn dẹp

**What it does**: dumps the warehouse, restores it beside and compares rows and edition hashes; removes landed deliveries,
logs and settled payloads beyond `maintenance` of province.yml; vacuums; cleans Airflow's history (`airflow db clean`).

**Reads** the warehouse; **writes** `maintenance.path`, `ops.maintenance_run`; removes by policy only.

**When it fails** (khi lỗi): the task says what could not be made or differs. Each can be cleared by itself. A backup
without a proof stays in its folder and is not counted.
"""


@dag(
    dag_id="ops__maintenance",
    schedule=support.local_cron(support.MAINTENANCE_EVERY, PROVINCE),
    doc_md=DOC,
    **support.dag_defaults("ops", files=True),
)
def ops__maintenance() -> None:
    """The backup first: what retention removes is in it. Airflow's own history waits for nothing."""

    @task
    @support.final_faults
    def backup() -> str:
        from onestop.pipeline.backup import backup as make

        return str(make(PROVINCE, progress=support.log_progress).path)

    @task
    @support.final_faults
    def retention() -> str:
        from onestop.clock import system_now
        from onestop.pipeline.maintenance import retain

        return str(retain(PROVINCE, system_now()))

    @task
    @support.final_faults
    def vacuum() -> int:
        from onestop.pipeline.maintenance import vacuum as run

        return run(PROVINCE)

    @task
    @support.final_faults
    def airflow_history() -> str:
        from onestop.clock import system_now
        from onestop.pipeline.maintenance import clean_airflow
        from onestop.platform.airflow import environment_of

        return clean_airflow(PROVINCE, system_now(), environment_of(PROVINCE))

    backup() >> retention() >> vacuum()
    airflow_history()


ops__maintenance()
