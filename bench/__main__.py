"""`python -m bench [loading|memory|dags|reconciliation]`: measure and print, side by side."""

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
    if not parts or "reconciliation" in parts:
        from bench import reconciliation

        print("Reconciliation of province and portal (aim: models and history below 20 s, exact)")
        for what, value in reconciliation.measure().items():
            print(f"  {what:52} {value:>10,.1f}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
