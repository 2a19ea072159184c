"""Báo cáo quý: drafts the reports of a period on the statutory calendar. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from onestop.platform.dag_support import dag_defaults, final_faults, local_cron, settings

PROVINCE = settings()
DOC = """\
### Báo cáo quý: biểu II.06a và trang tổng hợp

**What it does**: chooses the period and drafts its reports. Data of a statutory quarter close on the 14th of its last
month and the report is due on the 25th; the draft is made on the 15th.

**Reads** `mart`, `report`; **writes** `<reports.path>/<convention>_<period>/draft/`, replacing the period's one draft.

**When it fails** (khi lỗi): a wrong `period` is said at once; figures that are missing mean that transform__warehouse
has not run for them. Start the run again with the period in its form.
"""


@dag(
    dag_id="report__quarterly",
    schedule=local_cron("0 6 15 3,6,9,12 *", PROVINCE),
    doc_md=DOC,
    params={
        "period": Param(
            None,
            type=["null", "string"],
            title="Period",
            description="2024-Q3 or calendar:2024-Q3. Empty: the last statutory quarter that is complete.",
        )
    },
    **dag_defaults("report"),
)
def report__quarterly() -> None:
    """Period, then draft. The period is a value of its own, never taken from when the run happens to start."""

    @task
    @final_faults
    def resolve_period(params: dict) -> str:
        from onestop.config import now
        from onestop.periods import last_complete_quarter, parse

        if params["period"]:
            return str(parse(params["period"]))
        return str(last_complete_quarter(now(PROVINCE).astimezone(PROVINCE.zone).date()))

    @task
    @final_faults
    def draft(period: str) -> list[str]:
        from onestop.periods import parse
        from onestop.pipeline import flows

        return [str(path) for path in flows.draft_report(PROVINCE, parse(period))]

    draft(resolve_period())


report__quarterly()
