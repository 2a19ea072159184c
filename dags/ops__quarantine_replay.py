"""Xét lại bản ghi bị giữ: rejected rows judged again after a rule or reference data changed. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from onestop.platform.dag_support import dag_defaults, final_faults, local_cron, log_progress, settings

PROVINCE = settings()
DOC = """\
### Xét lại các bản ghi bị giữ

**What it does**: judges rejected rows again where rules or reference data have changed since they were last judged.
Those that pass go to raw and into the figures; the others stay open. Rows that a later version overtook are closed.

**Reads** `quarantine`, reference data; **writes** `raw`, `quarantine.row_event`, statuses, and one row of
`ops.load_batch` per delivery that gets rows back. The models follow with transform__warehouse at 04:30.

**When it fails** (khi lỗi): a missing or wrong ONESTOP_DATA_KEY is said at once. What was judged of one source is kept
or undone as a whole: start the run again, twice is once.
"""


@dag(
    dag_id="ops__quarantine_replay",
    schedule=local_cron("0 4 * * *", PROVINCE),
    doc_md=DOC,
    params={
        "source": Param(None, type=["null", "string"], title="Source", description="Only this one. Empty: all."),
        "rule": Param(None, type=["null", "string"], title="Rule", description="Only rows that broke it, as OS-011."),
        "as_of": Param(
            None,
            type=["null", "string"],
            format="date-time",
            title="As of",
            description="From when on the rows that pass count as known. Empty: now.",
        ),
    },
    **dag_defaults("ops"),
)
def ops__quarantine_replay() -> None:
    """One task; each source's lock makes it wait for a load of the source."""

    @task
    @final_faults
    def replay(params: dict) -> list[int]:
        from onestop.config import now
        from onestop.pipeline import quarantine_replay

        done = quarantine_replay.replay(
            PROVINCE,
            as_of=now(PROVINCE, params["as_of"]),
            wanted=quarantine_replay.Wanted(params["source"], params["rule"]),
            progress=log_progress,
        )
        return [batch_id for one in done for batch_id in one.batch_ids]

    replay()


ops__quarantine_replay()
