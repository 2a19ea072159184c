"""Trang chất lượng dữ liệu: the day's quality page and GX's Data Docs, off the critical path. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from onestop.platform.dag_support import dag_defaults, final_faults, local_cron, settings

PROVINCE = settings()
DOC = """\
### Trang chất lượng dữ liệu

**What it does**: writes the quality page of a day, then GX's Data Docs of it, from counts that the loads kept. Nothing is
judged again, and no figure waits for it.

**Reads** `mart.quality_*`, `mart.source_scorecard`, `ops`; **writes** `<reports.path>/quality/<day>/`.

**When it fails** (khi lỗi): the message says what is missing. Mend it and clear the task; the pages are replaced whole.
"""


@dag(
    dag_id="ops__quality",
    schedule=local_cron("30 5 * * *", PROVINCE),
    doc_md=DOC,
    params={
        "day": Param(
            None,
            type=["null", "string"],
            format="date",
            title="Day",
            description="The day to show. Empty: the newest on which something was delivered.",
        )
    },
    **dag_defaults("ops", files=True),
)
def ops__quality() -> None:
    """The page, then the Data Docs of the same day."""

    @task
    @final_faults
    def quality_page(params: dict) -> str:
        from datetime import date

        from onestop.pipeline import quality_pages

        shown, _ = quality_pages.quality_page(PROVINCE, date.fromisoformat(params["day"]) if params["day"] else None)
        return str(shown.day)

    @task
    @final_faults
    def data_docs(day: str) -> None:
        from datetime import date

        from onestop.pipeline import quality_pages

        quality_pages.quality_docs(PROVINCE, date.fromisoformat(day))

    data_docs(quality_page())


ops__quality()
