"""Nạp lại dữ liệu: a range of one source again, from the source or from landing. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import Param, dag, task

import onestop.platform.dag_support as support

PROVINCE = support.settings()
DAY = {"type": ["null", "string"], "format": "date"}
DOC = """\
### Nạp lại dữ liệu của một nguồn

**What it does**: asks a source again for what changed from one day to another (`pull`), or judges and loads again what
an earlier run landed (`replay`). The reason is kept in `ops.load_batch.origin`; the nightly cursor stays where it is.

**Reads** the source system or the landing; **writes** the landing, `raw`, `quarantine`, `ops.load_batch`. The models
follow with the next transform__warehouse: start it by hand if they are needed at once.

**When it fails** (khi lỗi): refused data needs its owner: read the message, then the rejected rows. A wrong parameter is
said at once. A run can be started again at any time: twice is once.
"""


@dag(
    dag_id="ops__backfill",
    schedule=None,
    doc_md=DOC,
    params={
        "source": Param(type="string", enum=[source.id for source in PROVINCE.sources], title="Source"),
        "mode": Param("pull", type="string", enum=["pull", "replay"], title="Mode", description="From where."),
        "from": Param(None, **DAY, title="From", description="pull: the first day, local time."),
        "to": Param(None, **DAY, title="To", description="pull: the last day, included."),
        "landing_path": Param(
            None, type=["null", "string"], title="Landing path", description="replay: from ops.load_batch.landing_path."
        ),
        "reason": Param(type="string", minLength=5, maxLength=500, title="Reason", description="For the ledger."),
        "ignore_window": support.IGNORE_WINDOW,
    },
    **support.dag_defaults("ops", longest_run=support.LONGEST_PULL),
)
def ops__backfill() -> None:
    """One task per source, since a task's pool is fixed: it waits there for any other load of the source."""

    @task.branch
    def choose(params: dict) -> str:
        return f"load__{params['source']}"

    @task
    @support.final_faults
    def load(params: dict) -> list[int]:
        from datetime import date

        from onestop.config import now
        from onestop.errors import ConfigurationError
        from onestop.pipeline import backfill
        from onestop.platform.source_connection import source_connection

        mode, source = params["mode"], params["source"]
        for name in ("from", "to") if mode == "pull" else ("landing_path",):
            if not params[name]:
                raise ConfigurationError(f"{mode} needs the parameter {name}", next_step="start it again with it")
        common = {"reason": params["reason"], "as_of": now(PROVINCE), "progress": support.log_progress}
        if mode == "replay":
            done = backfill.load_again(PROVINCE, source, landing_path=params["landing_path"], **common)
        else:
            first, last = date.fromisoformat(params["from"]), date.fromisoformat(params["to"])
            common |= {"first": first, "last": last, "ignore_window": params["ignore_window"]}
            with source_connection(PROVINCE.source(source)):
                done = backfill.backfill(PROVINCE, source, **common)
        return done.batch_ids

    chosen = choose()
    for source in PROVINCE.sources:
        chosen >> load.override(task_id=f"load__{source.id}", pool=support.source_pool(source.id))()


ops__backfill()
