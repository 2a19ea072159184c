"""`python -m bench [loading|memory|published|dags]`: measure and print, side by side; exits 1 where figures differ."""

from __future__ import annotations

import os
import sys

os.environ.pop("ONESTOP_WAREHOUSE_DSN", None)  # measurements have a server of their own


def main(parts: list[str]) -> int:
    """Run the parts named, all by default; 1 where a figure that was published does not come out."""
    wrong = 0
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
    if not parts or "published" in parts:
        from bench import published

        print("A published quarter through the whole product: every figure, and how long it took")
        for outcome in published.measure():
            print(f"  {outcome.scope}: {outcome.dossiers:,} dossiers in {outcome.seconds:.0f} s")
            for name, wanted, found in outcome.figures:
                print(f"    {name:30} {wanted:>9,} {found:>9,} {'' if found == wanted else 'DIFFERS'}", flush=True)
                wrong += found != wanted
    if not parts or "dags" in parts:
        from bench import dag_run

        print("From the trigger of ingest__igate to the finished report, as DAG runs")
        for step, seconds in dag_run.measure().items():
            print(f"  {step:40} {seconds:>8.0f} s", flush=True)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
