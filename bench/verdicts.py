"""Verdicts a second: our judge beside the same ten rules as one SQL pass and as GX on SQL; and the judge's memory.

Ours and the SQL pass say of each row which rules it breaks, GX on SQL counts and names at most 20 rows; all over the same
rows, one percent of them bad. The tables are made before.
The memory is that of a process of its own that judges chunk after chunk.
"""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pandas as pd
import psycopg

from bench.place import place
from onestop.pipeline.ingest import CHUNK
from onestop.pipeline.lint_rules import table_of
from onestop.quality.examples import Played
from onestop.quality.rules import RuleBook, rules_for

ROWS = 200_000
SIZES = (50_000, 500_000)
TEN = ("OS-001", "OS-002", "OS-003", "OS-004", "OS-006", "OS-007", "OS-008", "OS-009", "OS-012", "OS-018")
BAD: tuple[dict[str, Any], ...] = (
    {"KenhThucHien": "9"},
    {"MaHoSo": "x"},
    {"NgayHenTra": None},
    {"NgayCapNhat": "2024"},
)
TABLE = "public.bench_verdict"
# The ten rules as one pass: a row comes out with every rule that it breaks.
SQL = f"""
    select row_number, array_remove(array[
        case when ma_ho_so is null or ma_ho_so !~ %(dossier)s then 'OS-001' end,
        case when ma_tthc is null or ma_tthc !~ %(procedure)s then 'OS-002' end,
        case when (trang_thai_ho_so = any(%(status)s)) is not true then 'OS-003' end,
        case when (kenh_thuc_hien in ('1', '2', '3')) is not true then 'OS-004' end,
        case when ngay_cap_nhat is null or unreadable_dates > 0 then 'OS-006' end,
        case when latest_allowed__at < ngay_tiep_nhan__at then 'OS-007' end,
        case when latest_allowed__at < ngay_ket_thuc_xu_ly__at then 'OS-008' end,
        case when ngay_ket_thuc_xu_ly__day < ngay_tiep_nhan__day then 'OS-009' end,
        case when ngay_hen_tra is null then 'OS-012' end,
        case when first_appointment__day < ngay_tiep_nhan__day then 'OS-018' end
    ], null) as broken
    from {TABLE}
"""


def book() -> RuleBook:
    """The ten rules."""
    whole = rules_for("one_stop", "dossier")
    return whole.model_copy(update={"row_rules": tuple(rule for rule in whole.row_rules if rule.id in TEN)})


def rows(count: int, first: int = 0) -> pd.DataFrame:
    """Rows as the judge sees them."""
    example = rules_for("one_stop", "dossier").example.record
    played = [
        Played(
            None,
            True,
            {**example, "MaHoSo": f"H15.07-240823-{n:06d}", **(BAD[n // 100 % 4] if n % 100 == 0 else {})},
            True,
        )
        for n in range(first, first + count)
    ]
    return table_of(rules_for("one_stop", "dossier"), played)


def chunks(count: int) -> Iterator[pd.DataFrame]:
    """The same rows as an ingest hands them over."""
    for first in range(0, count, CHUNK):
        yield rows(min(CHUNK, count - first), first)


def measure() -> dict[str, float]:
    """Rows a second by way, in one run on one server."""
    quiet()
    table = rows(ROWS)
    broken: dict[str, int] = {}
    seconds = {"our judge (GX on chunks)": _ours(table, broken)}
    with place(100) as here, closing(psycopg.connect(_dsn(here), autocommit=True)) as connection:
        _load(connection, table)
        seconds["one SQL pass"] = _one_pass(connection, broken)
        seconds["GX on SQL, full results"] = _gx_on_sql(_dsn(here), broken)
    return {what: ROWS / s for what, s in seconds.items()}


def quiet() -> None:
    """GX says much while it works."""
    warnings.filterwarnings("ignore")
    logging.getLogger("great_expectations").setLevel(logging.ERROR)


def _ours(table: pd.DataFrame, broken: dict[str, int]) -> float:
    from onestop.quality.judge import Judge

    judge = Judge(book())
    parts = [table.iloc[n : n + CHUNK].reset_index(drop=True) for n in range(0, len(table), CHUNK)]
    began = time.perf_counter()
    for part in parts:
        verdict = judge(part, np.zeros(len(part), dtype=bool))
        for rule, failed in verdict.broken.items():
            broken[rule] = broken.get(rule, 0) + int(failed.sum())
    return time.perf_counter() - began


def _dsn(here: Any) -> str:
    database = here.postgres.warehouse_dsn.rpartition("/")[2]
    return f"{here.postgres.admin_dsn.rpartition('/')[0]}/{database}"


def _load(connection: psycopg.Connection[Any], table: pd.DataFrame) -> None:
    columns = [*(c for c in table.columns if c in _NEEDED), "row_number"]
    shown = table.assign(row_number=range(len(table)))[columns]
    kinds = {c: "bigint" if shown[c].dtype.kind in "iu" else "text" for c in columns}
    connection.execute(f"create unlogged table {TABLE} ({', '.join(f'{c} {k}' for c, k in kinds.items())})".encode())
    with connection.cursor().copy(f"copy {TABLE} ({', '.join(columns)}) from stdin".encode()) as copy:
        for row in shown.astype(object).where(shown.notna(), None).itertuples(index=False):
            copy.write_row(row)
    connection.execute(f"analyze {TABLE}".encode())


_NEEDED = {
    "ma_ho_so", "ma_tthc", "trang_thai_ho_so", "kenh_thuc_hien", "ngay_cap_nhat", "unreadable_dates", "latest_allowed__at",
    "ngay_tiep_nhan__at", "ngay_ket_thuc_xu_ly__at", "ngay_ket_thuc_xu_ly__day", "ngay_tiep_nhan__day", "ngay_hen_tra",
    "first_appointment__day",
}  # fmt: skip


def _one_pass(connection: psycopg.Connection[Any], broken: dict[str, int]) -> float:
    patterns = {r.id: e.arguments["regex"] for r in book().row_rules for e in r.expectations if "regex" in e.arguments}
    values = {"dossier": patterns["OS-001"], "procedure": patterns["OS-002"], "status": [str(n) for n in range(1, 11)]}
    began = time.perf_counter()
    found = [row[1] for row in connection.execute(SQL.encode(), values) if row[1]]
    seconds = time.perf_counter() - began
    counted = {rule: sum(rule in rules for rules in found) for rule in TEN}
    assert counted == broken, (counted, broken)
    return seconds


def _gx_on_sql(dsn: str, broken: dict[str, int]) -> float:
    import great_expectations as gx
    from great_expectations.expectations import core

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    source = context.data_sources.add_postgres(
        "bench", connection_string=dsn.replace("postgresql://", "postgresql+psycopg2://")
    )
    schema, name = TABLE.split(".")
    batches = source.add_table_asset("verdict", table_name=name, schema_name=schema).add_batch_definition_whole_table(
        "all"
    )
    expectations = [
        getattr(core, "".join(w.capitalize() for w in e.type.split("_")))(**e.arguments, meta={"rule": rule.id})
        for rule in book().row_rules
        for e in rule.expectations
    ]
    suite = context.suites.add(gx.ExpectationSuite(name="bench", expectations=expectations))
    whole = {"result_format": "COMPLETE", "unexpected_index_column_names": ["row_number"]}
    began = time.perf_counter()
    outcome = batches.get_batch().validate(suite, result_format=whole)
    seconds = time.perf_counter() - began
    found: dict[str, list[int]] = {rule: [] for rule in TEN}
    for result in outcome.results:
        found[result.expectation_config.meta["rule"]].append(result.result["unexpected_count"])
    # It names at most 20 rows of each expectation, so of a rule with several only the counts can be compared.
    assert all(max(counts) <= broken[rule] <= sum(counts) for rule, counts in found.items()), (found, broken)
    return seconds


def peaks() -> dict[int, float]:
    """Rows -> peak resident memory in MB of a process that judges them."""
    found = {}
    for size in SIZES:
        done = subprocess.run(
            [sys.executable, "-m", "bench.verdicts", str(size)],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ},
        )
        found[size] = float(done.stdout.split()[-1])
    return found


def _judge_and_say_peak(count: int) -> None:
    from onestop.quality.judge import Judge

    quiet()
    judge = Judge(book())
    for part in chunks(count):
        judge(part, np.zeros(len(part), dtype=bool))
    with open("/proc/self/status") as status:  # noqa: PTH123
        print(next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM")))


if __name__ == "__main__":
    _judge_and_say_peak(int(sys.argv[1]))
