"""Báo cáo quý: drafts a period's reports, asks a person, publishes, delivers. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from onestop.platform.dag_support import APPROVE, approval, dag_defaults, final_faults, local_cron, settings, step

PROVINCE = settings()
DOC = """\
### Báo cáo quý: dự thảo, phê duyệt, công bố, gửi

**What it does**: chooses the period, drafts reports and edition, looks whether it is ready, asks the units, waits for a person's
answer ("Required Actions"), publishes and delivers, or notes the refusal. Data close on the 14th, the report is due on the 25th.

**Reads** `mart`, `report`; **writes** `published`, `<reports.path>/<convention>_<period>/`. **When it fails** (khi lỗi): a wrong
`period` is said at once; figures that are missing mean that transform__warehouse has not run for them. A period that was
published already wants `reason`. `deliver`, `ask_units`: the log says whose it is.
"""


@dag(
    dag_id="report__quarterly",
    schedule=local_cron("0 6 15 3,6,9,12 *", PROVINCE),
    doc_md=DOC,
    params={
        "period": Param(None, type=["null", "string"], description="2024-Q3 or calendar:2024-Q3; empty: the last."),
        "reason": Param(None, type=["null", "string"], description="Of a restatement; empty: the first edition."),
        "ask_approval": Param(True, type="boolean", description="No: only draft the reports."),
    },
    **dag_defaults("report", files=True),
)
def report__quarterly() -> None:
    """The period is a value of its own, never taken from when the run happens to start."""

    def steps():
        from onestop.pipeline import quarterly  # when the tasks run

        return quarterly

    @step
    def resolve_period(params: dict) -> str:
        return steps().resolve(PROVINCE, params["period"])

    @step
    def draft(period: str) -> list[str]:
        return steps().draft_files(PROVINCE, period)

    @task.short_circuit
    @final_faults
    def draft_edition(period: str, params: dict) -> dict | bool:
        return params["ask_approval"] and steps().draft_and_look(PROVINCE, period, params["reason"])

    @step
    def ask_units(period: str) -> list[str]:
        return steps().ask(PROVINCE, period)

    @task.branch
    def decide(answer: dict) -> str:
        return "publish" if answer["chosen_options"] == [APPROVE] else "send_back"

    @step
    def publish(period: str, shown: dict, answer: dict) -> list[str]:
        return steps().approve_and_publish(PROVINCE, period, shown, answer)

    @step
    def deliver(period: str) -> list[str]:
        return steps().deliver(PROVINCE, period)

    @step
    def send_back(period: str, answer: dict) -> str:
        return steps().send_back(PROVINCE, period, answer)

    period, asked = resolve_period(), approval("approve", body="{{ ti.xcom_pull(task_ids='draft_edition')['text'] }}")
    draft(period) >> (shown := draft_edition(period)) >> [asked, ask_units(period)]  # no approval waits for a mailbox
    decide(asked.output) >> [published := publish(period, shown, asked.output), send_back(period, asked.output)]
    published >> deliver(period)


report__quarterly()
