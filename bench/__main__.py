"""`python -m bench [PART[=SIZE] ...]`: measure and print, side by side. Parts: loading, files, http, verdicts, memory,
published, edition, dags, reconciliation, nights, plain, bi, dashboards; the first three, memory, edition, nights, plain, bi
and dashboards take a number of rows (memory: of the larger size). bi measures dashboards too, on the same warehouse.

Exits 1 where a published figure does not come out.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable

from bench.rates import Rate

os.environ.pop("ONESTOP_WAREHOUSE_DSN", None)  # measurements have a server of their own


ALL = (
    "loading",
    "files",
    "http",
    "verdicts",
    "memory",
    "published",
    "edition",
    "dags",
    "reconciliation",
    "nights",
    "plain",
    "bi",
)
ASKED_FOR = ("dashboards",)  # parts of another, measured alone where named


def main(parts: list[str]) -> int:
    """Run the parts named, all by default; 1 where a figure that was published does not come out."""
    wrong = 0
    wanted = dict(map(_sized, parts or ALL))
    if unknown := wanted.keys() - {*ALL, *ASKED_FOR}:
        sys.exit(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join((*ALL, *ASKED_FOR))}")
    if "loading" in wanted:
        from bench import loading

        _show(
            "Loading of API records (median of 3; aim 0.3 of COPY with verdicts, 0.6 without)",
            loading.measure(wanted["loading"] or 60_000),
        )
    if "files" in wanted:
        from bench import files

        found = files.measure(wanted["files"] or 100_000)
        _show("XLSX, reading (aim 8 times pandas)", found["XLSX"])
        _show("CSV, file to raw (aim 0.5 of COPY without verdicts)", found["CSV"])
    if "http" in wanted:
        from bench import http

        _show("HTTP, pull and land (aim 0.8 of a bare client)", http.measure(wanted["http"] or 60_000), "records/s")
    if "verdicts" in wanted:
        from bench import verdicts

        print("Verdicts: ten rules, each row named (aim: 1.5 times GX on SQL; memory flat within 20 %)")
        rates = verdicts.measure()
        for what, rate in rates.items():
            print(f"  {what:40} {rate:>10,.0f} rows/s   {rate / rates['GX on SQL, full results']:5.2f} of GX on SQL")
        held = verdicts.peaks()
        for size, megabytes in held.items():
            print(f"  {size:>10,} rows {megabytes:>10,.0f} MB")
        least, *_, most = held.values()
        print(f"  ratio {most / least:.2f}", flush=True)
    if "memory" in wanted:
        from bench import memory

        print("Peak memory of a pull, all its processes together (flat: within 20 %)")
        for kind, peaks in memory.measure(wanted["memory"] or 500_000):
            for size, peak in peaks.items():
                print(
                    f"  {kind:6} {size:>10,} rows {peak.together:>8,.0f} MB: loader {peak.loader:,.0f},"
                    f" reader of the file {peak.reader:,.0f}"
                )
            first, *_, last = peaks.values()
            print(f"  {kind:6} ratio {last.together / first.together:.2f}", flush=True)
    if "published" in wanted:
        from bench import published

        print("A published quarter through the whole product: every figure, and how long it took")
        for outcome in published.measure():
            print(f"  {outcome.scope}: {outcome.dossiers:,} dossiers in {outcome.seconds:.0f} s")
            for name, figure, counted in outcome.figures:
                print(f"    {name:30} {figure:>9,} {counted:>9,} {'' if counted == figure else 'DIFFERS'}", flush=True)
                wrong += counted != figure
    if "edition" in wanted:
        from bench import edition

        made = edition.measure(wanted["edition"] or 250_000)
        print(
            f"From closing to rendered products: {made.dossiers:,} dossiers, {made.units} units (aim: 60 s; page 3 MB)"
        )
        for step, seconds in made.seconds.items():
            print(f"  {step:40} {seconds:>8.1f} s")
        print(f"  {'together':40} {sum(made.seconds.values()):>8.1f} s; page {made.page_megabytes:.2f} MB", flush=True)
    if "dags" in wanted:
        from bench import dag_run

        print("From the trigger of ingest__igate to the finished report, as DAG runs")
        for step, seconds in dag_run.measure().items():
            print(f"  {step:40} {seconds:>8.0f} s", flush=True)
    if "reconciliation" in wanted:
        from bench import reconciliation

        print("Reconciliation of province and portal (aim: models and history below 20 s, exact)")
        for what, value in reconciliation.measure().items():
            print(f"  {what:52} {value:>10,.1f}", flush=True)
    if "nights" in wanted:
        from bench import nights

        print("A night beside the whole history (aim: a tenth; after a reorganisation a quarter; alike at every size)")
        nights.show([wanted["nights"]] if wanted["nights"] else list(nights.SIZES))
    if "plain" in wanted:
        from bench import plain_sql

        with_dbt, alone = plain_sql.measure(wanted["plain"] or 250_000)
        print("A whole build with its tests beside the same SQL without dbt (aim: 1.3 times and 5 s)")
        print(f"  dbt {with_dbt:.0f} s, its SQL alone {alone:.0f} s: {with_dbt / alone:.2f}", flush=True)
    if "bi" in wanted:
        from bench import bi

        bi.run(wanted["bi"] or 50_000)
    if "dashboards" in wanted:
        from bench import bi

        bi.run(wanted["dashboards"] or 50_000, ("dashboards",))
    return int(wrong > 0)


def _sized(part: str) -> tuple[str, int]:
    """A part and its size; 0: its own."""
    name, _, size = part.partition("=")
    return name, int(size or 0)


def _show(title: str, rates: Iterable[Rate], unit: str = "rows/s") -> None:
    print(title)
    for rate in rates:
        bare = "" if rate.of_bare is None else f"   {rate.of_bare:6.2f} of the bare one"
        print(f"  {rate.what:40} {rate.per_second:>10,.0f} {unit}   {rate.of_reference:6.2f}{bare}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
