"""Xây dựng kho dữ liệu: dbt, layer by layer, after every ingest and once a night. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import AssetAny, AssetOrTimeSchedule, Param, chain, dag, task

import onestop.platform.dag_support as support

PROVINCE = support.settings()
LAYERS = ("staging", "intermediate", "marts", "reports")
DOC = """\
### Xây dựng kho dữ liệu

**What it does**: builds staging, intermediate, marts and reports with dbt, one process per layer, tests included.

Beside them it looks how old the newest delivery of every kind of source is (`ops.source_freshness`); nothing waits for that.

**Reads** `raw`, `ops`; **writes** `staging`, `intermediate`, `mart`, `report`, and each node's result to
`ops.dbt_node_result`.

**When it fails** (khi lỗi): the task names the model or test that failed; `ops.dbt_node_result` has its message. What
was built before stays readable. Mend the cause and clear the failed task.
"""


@dag(
    dag_id="transform__warehouse",
    schedule=AssetOrTimeSchedule(
        timetable=support.local_cron(support.TRANSFORM_EVERY, PROVINCE),
        assets=AssetAny(*(support.raw_asset(source.id) for source in PROVINCE.sources)),
    ),
    doc_md=DOC,
    params={
        "known_at": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="Known at",
            description="Build what was known at this moment. Empty: now.",
        )
    },
    **support.dag_defaults("transform"),
)
def transform__warehouse() -> None:
    """One moment for all layers, then one task per layer."""

    @task
    @support.final_faults
    def resolve_known_at(params: dict) -> str:
        from onestop.config import now

        return now(PROVINCE, params["known_at"]).isoformat()

    @task
    @support.final_faults
    def build(layer: str, known_at: str) -> None:
        from datetime import datetime

        from onestop.pipeline import flows

        moment = datetime.fromisoformat(known_at)
        flows.transform(PROVINCE, known_at=moment, layers=[layer], progress=support.log_progress)

    @task
    @support.final_faults
    def check_freshness() -> None:
        from onestop.pipeline import models

        models.check_freshness(PROVINCE)

    check_freshness()
    moment = resolve_known_at()
    last = LAYERS[-1]
    chain(
        *(build.override(task_id=f"build_{x}", outlets=[support.MART] if x == last else [])(x, moment) for x in LAYERS)
    )


transform__warehouse()
