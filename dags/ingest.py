"""Nạp dữ liệu: one DAG per source of province.yml, and ingest__reference. When it fails: README.md."""

from __future__ import annotations

from airflow.sdk import dag, task

import onestop.platform.dag_support as support

PROVINCE = support.settings()
SOURCE_DOC = """\
### Nạp hồ sơ từ nguồn `{source}`

**What it does**: pulls what changed in `{source}`, keeps it as received, judges every record, loads the accepted ones.

**Reads** the source system; **writes** the landing, `raw`, `quarantine`, `ops.load_batch`.

**When it fails** (khi lỗi): refused data needs its owner: read the message, then the rejected rows. A source that cannot
be read is tried again by itself. Twice is once. Outside of `window`, start it with `ignore_window`, or it is skipped.
"""
REFERENCE_DOC = """\
### Nạp dữ liệu danh mục: cơ quan, thủ tục hành chính

**What it does**: loads the files of units, successions and procedures that every source is judged by.

**Reads** the folder `reference.path`; **writes** `raw.agency`, `raw.agency_succession`, `raw.procedure`.

**When it fails** (khi lỗi): the message names the file and the line; mend it and start the run again.
"""


def ingest_source(source_id: str, every: str) -> None:
    """Make the DAG of one source."""
    doc, schedule = SOURCE_DOC.format(source=source_id), support.local_cron(every, PROVINCE)
    params = {"as_of": support.AS_OF, "since": support.SINCE, "ignore_window": support.IGNORE_WINDOW}
    defaults = support.dag_defaults("ingest", longest_run=support.LONGEST_PULL)

    @dag(f"ingest__{source_id}", schedule=schedule, doc_md=doc, params=params, **defaults)
    def of_source() -> None:
        @task(outlets=[support.raw_asset(source_id)], pool=support.source_pool(source_id))
        @support.final_faults
        def ingest(params: dict) -> list[int]:
            from onestop.clock import parse_moment, to_stamp
            from onestop.config import now
            from onestop.pipeline import flows
            from onestop.platform.source_connection import source_connection

            since = to_stamp(parse_moment(params["since"], PROVINCE.zone), PROVINCE.zone) if params["since"] else None
            chosen = {"as_of": now(PROVINCE, params["as_of"]), "since": since, "ignore_window": params["ignore_window"]}
            with source_connection(PROVINCE.source(source_id)):
                return flows.ingest(PROVINCE, source_id, **chosen, progress=support.log_progress).batch_ids

        ingest()

    of_source()


def ingest_reference(every: str = support.REFERENCE_EVERY) -> None:
    """Make the DAG of the reference files; every night before the sources."""
    doc, schedule, params = REFERENCE_DOC, support.local_cron(every, PROVINCE), {"as_of": support.AS_OF}

    @dag("ingest__reference", schedule=schedule, doc_md=doc, params=params, **support.dag_defaults("ingest"))
    def of_reference() -> None:
        @task(outlets=[support.raw_asset("reference")])
        @support.final_faults
        def ingest(params: dict) -> list[int]:
            from onestop.config import now
            from onestop.pipeline import flows

            chosen = {"as_of": now(PROVINCE, params["as_of"]), "progress": support.log_progress}
            done = flows.ingest_reference(PROVINCE, **chosen)
            return [batch for result in done for batch in result.batch_ids]

        ingest()

    of_reference()


ingest_reference()
for source in PROVINCE.sources:
    ingest_source(source.id, source.every)
