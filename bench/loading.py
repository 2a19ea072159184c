"""Rows a second from landing to raw, beside server-side COPYs of the same rows and beside pandas.to_sql.

A COPY reads a CSV file on the server into an empty table. The reference is one into a table just like raw's, logged and
with its indexes, until it is committed (docs/adr/0009); one into a bare unlogged table is what PostgreSQL can do at most.
"""

from __future__ import annotations

import time
from contextlib import closing
from functools import partial
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd
import psycopg
import sqlalchemy

from bench.place import Place, place
from bench.rates import Rate, median_of
from onestop.pipeline.ingest import ingest
from onestop.pipeline.loading import Loader
from onestop.pipeline.reference import ingest_reference
from onestop.quality.judge import Judge, Verdict
from onestop.quality.rules import rules_for
from onestop.sources.records import Shaped
from onestop.specs import load_spec

PANDAS_ROWS = 20_000
COPY, BARE = "server-side COPY, a table like raw's", "server-side COPY, unlogged, no index"


def no_verdict(loader: Loader, chunk: Shaped, single: object, deleted: object) -> Verdict:
    """In `Loader.verdict`'s place: rows with unreadable dates alone go to quarantine, as what follows needs it."""
    rules = loader.entity.book.row_rules
    quarantine = next(r.id for r in rules if r.action == "quarantine")
    broken = {r.id: np.zeros(len(chunk), dtype=bool) for r in rules}
    broken[quarantine] = chunk.unreadable_dates > 0
    return Verdict({r.id: 0 for r in rules}, broken)


def measure(dossiers: int) -> list[Rate]:
    """All rates, in one run on one server."""
    with place(dossiers) as here:
        ingest_reference(here.settings, as_of=here.as_of)
        first = ingest(here.settings, "igate", as_of=here.as_of)
        rows = first.received
        Judge(rules_for("one_stop", "dossier"))  # importing GX is not loading
        seconds = {
            **server_side_copies(here, "one_stop_dossier"),
            "landing to raw with verdicts": median_of(lambda: _replay(here)),
            "landing to raw without verdicts": median_of(lambda: _replay(here, judged=False)),
        }
        rates = {what: rows / s for what, s in seconds.items()}
        rates["pandas.to_sql"] = PANDAS_ROWS / _pandas(here)
    return [Rate(what, rate, rate / rates[COPY], rate / rates[BARE]) for what, rate in rates.items()]


def server_side_copies(here: Place, table: str) -> dict[str, float]:
    """Seconds of both COPYs of a raw table's rows; the file is written before."""
    file = Path(here.postgres.status()["data"]) / "bench.csv"
    made = {
        COPY: f"table public.bench (like raw.{table} including all)",
        BARE: f"unlogged table public.bench (like raw.{table})",
    }

    def copied(into: str) -> float:
        connection.execute(f"drop table if exists public.bench; create {into}".encode())
        began = time.perf_counter()
        connection.execute(f"copy public.bench from '{file}' (format csv)".encode())  # and commits
        return time.perf_counter() - began

    with closing(psycopg.connect(_admin(here), autocommit=True)) as connection:
        connection.execute(f"copy raw.{table} to '{file}' (format csv)".encode())
        seconds = {what: median_of(partial(copied, into)) for what, into in made.items()}
        connection.execute("drop table public.bench")
    file.unlink()
    return seconds


def emptied(here: Place, tables: str) -> None:
    """Empty tables and the quarantine, whose decisions are otherwise only added to."""
    with closing(psycopg.connect(_admin(here), autocommit=True)) as connection:
        connection.execute("set session_replication_role = replica")
        connection.execute(f"truncate {tables}, quarantine.rejected_row cascade".encode())


def _admin(here: Place) -> str:
    database = here.postgres.warehouse_dsn.rpartition("/")[2]
    return f"{here.postgres.admin_dsn.rpartition('/')[0]}/{database}"


def _replay(here: Place, *, judged: bool = True) -> float:
    """Seconds from landed files to committed rows, into an emptied raw table."""
    emptied(here, "raw.one_stop_dossier")
    with closing(psycopg.connect(here.postgres.warehouse_dsn, autocommit=True)) as connection:
        row = connection.execute(
            "select landing_path from ops.load_batch where source_id = 'igate' order by 1 limit 1"
        ).fetchone()
    assert row is not None
    began = time.perf_counter()
    if judged:
        ingest(here.settings, "igate", as_of=here.as_of, replay_from=row[0])
    else:
        with patch.object(Loader, "verdict", no_verdict):
            ingest(here.settings, "igate", as_of=here.as_of, replay_from=row[0])
    return time.perf_counter() - began


def _pandas(here: Place) -> float:
    engine = sqlalchemy.create_engine(here.postgres.warehouse_dsn.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        columns = ", ".join(load_spec("one_stop_dossier").raw_columns)
        query = f"select {columns} from raw.one_stop_dossier limit {PANDAS_ROWS}"
        frame = pd.read_sql(sqlalchemy.text(query), connection).astype(str)
        began = time.perf_counter()
        frame.to_sql("bench_pandas", connection, schema="staging", if_exists="replace", index=False)
        connection.commit()
        seconds = time.perf_counter() - began
    engine.dispose()
    return seconds
