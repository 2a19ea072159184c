"""Nạp dữ liệu: one DAG per source of province.yml, and ingest__reference. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import Param, dag, task

from onestop.platform.dag_support import dag_defaults, final_faults, local_cron, log_progress, raw_asset, settings

PROVINCE = settings()
MOMENT = {"type": ["null", "string"], "format": "date-time"}
AS_OF = Param(None, **MOMENT, title="As of", description="What 'now' is. Empty: the clock.")
SINCE = Param(None, **MOMENT, title="Since", description="Where a first load starts. Empty: at the very beginning.")
SOURCE_DOC = """\
### Nạp hồ sơ từ nguồn `{source}`

**What it does**: pulls what changed in `{source}`, keeps it as received, judges every record, loads the accepted ones.

**Reads** the source system; **writes** the landing, `raw`, `quarantine`, `ops.load_batch`.

**When it fails** (khi lỗi): refused data needs its owner: read the message, then the rejected rows. A source that
cannot be read is tried again by itself. A run can be started again at any time: twice is once.
"""
REFERENCE_DOC = """\
### Nạp dữ liệu danh mục: cơ quan, thủ tục hành chính

**What it does**: loads the files of units, successions and procedures that every source is judged by.

**Reads** the folder `reference.path`; **writes** `raw.agency`, `raw.agency_succession`, `raw.procedure`.

**When it fails** (khi lỗi): the message names the file and the line; mend it and start the run again.
"""


def ingest_source(source_id: str, every: str) -> None:
    """Make the DAG of one source."""
    doc, params = SOURCE_DOC.format(source=source_id), {"as_of": AS_OF, "since": SINCE}
    schedule = local_cron(every, PROVINCE)

    @dag(f"ingest__{source_id}", schedule=schedule, doc_md=doc, params=params, **dag_defaults("ingest"))
    def of_source() -> None:
        @task(outlets=[raw_asset(source_id)])
        @final_faults
        def ingest(params: dict) -> list[int]:
            from onestop.clock import parse_moment, to_stamp
            from onestop.config import now
            from onestop.pipeline import flows

            zone, as_of = PROVINCE.zone, now(PROVINCE, params["as_of"])
            since = to_stamp(parse_moment(params["since"], zone), zone) if params["since"] else None
            return flows.ingest(PROVINCE, source_id, as_of=as_of, since=since, progress=log_progress).batch_ids

        ingest()

    of_source()


def ingest_reference(every: str = "30 1 * * *") -> None:
    """Make the DAG of the reference files; every night before the sources."""
    doc, schedule = REFERENCE_DOC, local_cron(every, PROVINCE)

    @dag("ingest__reference", schedule=schedule, doc_md=doc, params={"as_of": AS_OF}, **dag_defaults("ingest"))
    def of_reference() -> None:
        @task(outlets=[raw_asset("reference")])
        @final_faults
        def ingest(params: dict) -> list[int]:
            from onestop.config import now
            from onestop.pipeline import flows

            done = flows.ingest_reference(PROVINCE, as_of=now(PROVINCE, params["as_of"]), progress=log_progress)
            return [batch for result in done for batch in result.batch_ids]

        ingest()

    of_reference()


ingest_reference()
for source in PROVINCE.sources:
    ingest_source(source.id, source.every)
