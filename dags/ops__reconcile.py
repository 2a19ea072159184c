"""Đối chiếu với Cổng Dịch vụ công quốc gia: what differs, why, who must act. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from onestop.platform.dag_support import dag_defaults, final_faults, local_cron, log_progress, settings

PROVINCE = settings()
DOC = """\
### Đối chiếu hồ sơ của tỉnh với Cổng Dịch vụ công quốc gia

**What it does**: reads what the last build found to differ between the one-stop systems and the portal for the quarter
under way, and writes a workbook per unit with the likely cause and what to do. Differences that the next delivery
settles close by themselves, in transform__warehouse.

**Reads** `mart`, `ops.reconciliation_difference`; **writes** `<reports.path>/<convention>_<period>/reconciliation/`.

**When it fails** (khi lỗi): with `reconcile.limit` in province.yml, more dossiers differ than the province allows: read
`onestop reconcile` and give each unit its workbook. Without a limit a difference is a report, never a failure.
"""


@dag(
    dag_id="ops__reconcile",
    schedule=local_cron("30 5 * * *", PROVINCE),
    doc_md=DOC,
    params={
        "period": Param(
            None,
            type=["null", "string"],
            title="Period",
            description="2024-Q3 or calendar:2024-Q3. Empty: the statutory quarter under way.",
        )
    },
    **dag_defaults("ops", files=True),
)
def ops__reconcile() -> None:
    """Period, then reconciliation: the quarter under way is the one that offices can still mend."""

    @task
    @final_faults
    def resolve_period(params: dict) -> str:
        from onestop.config import now
        from onestop.periods import containing, parse

        if params["period"]:
            return str(parse(params["period"]))
        return str(containing(now(PROVINCE).astimezone(PROVINCE.zone).date(), "quarter", "statutory"))

    @task
    @final_faults
    def reconcile(period: str) -> list[str]:
        from onestop.periods import parse
        from onestop.pipeline.reconcile import reconcile as run

        done = run(PROVINCE, parse(period), progress=log_progress)
        done.refuse_over_limit()
        return [str(path) for path in done.workbooks]

    reconcile(resolve_period())


ops__reconcile()
