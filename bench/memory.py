"""Peak memory of an ingest over HTTP, at two sizes: it must not grow with the number of dossiers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from bench.place import place
from onestop.pipeline.reference import ingest_reference

SIZES = (60_000, 240_000)


def measure() -> dict[int, float]:
    """Dossiers -> peak resident memory in MB of the process that ingests them."""
    return {size: _peak(size) for size in SIZES}


def _peak(dossiers: int) -> float:
    with place(dossiers) as here:
        ingest_reference(here.settings, as_of=here.as_of)
        command = [
            str(Path(sys.executable).with_name("onestop")), "ingest", "igate", "--json",
            "--config", str(here.settings.file), "--as-of", here.as_of.isoformat(),
        ]  # fmt: skip
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise RuntimeError(f"the ingest of {dossiers} dossiers ended with code {child.returncode}")
        return usage.ru_maxrss / 1024
