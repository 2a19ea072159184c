"""`python -m bench [loading|verdicts|memory|dags]`: measure and print, side by side."""

from __future__ import annotations

import os
import sys

os.environ.pop("ONESTOP_WAREHOUSE_DSN", None)  # measurements have a server of their own


def main(parts: list[str]) -> None:
    """Run the parts named, all by default."""
    if not parts or "loading" in parts:
        from bench import loading

        print("Loading (median of 3; ratio to COPY: aim 0.3 with verdicts, 0.6 without)")
        for rate in loading.measure():
            print(f"  {rate.what:40} {rate.rows_per_second:>10,.0f} rows/s   {rate.of_copy:5.2f} of COPY", flush=True)
    if not parts or "verdicts" in parts:
        from bench import verdicts

        print("Verdicts: ten rules, each row named (aim: 1.5 times GX on SQL; memory flat within 20 %)")
        rates = verdicts.measure()
        for what, rate in rates.items():
            print(f"  {what:40} {rate:>10,.0f} rows/s   {rate / rates['GX on SQL, full results']:5.2f} of GX on SQL")
        peaks = verdicts.peaks()
        for size, peak in peaks.items():
            print(f"  {size:>10,} rows {peak:>10,.0f} MB")
        first, *_, last = peaks.values()
        print(f"  ratio {last / first:.2f}", flush=True)
    if not parts or "memory" in parts:
        from bench import memory

        print("Peak memory of an ingest (flat: within 20 %)")
        peaks = memory.measure()
        for size, peak in peaks.items():
            print(f"  {size:>10,} dossiers {peak:>10,.0f} MB")
        first, *_, last = peaks.values()
        print(f"  ratio {last / first:.2f}", flush=True)
    if not parts or "dags" in parts:
        from bench import dag_run

        print("From the trigger of ingest__igate to the finished report, as DAG runs")
        for step, seconds in dag_run.measure().items():
            print(f"  {step:40} {seconds:>8.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
