"""Peak memory of an ingest over HTTP, at two sizes: it must not grow with the number of dossiers."""

from __future__ import annotations

import subprocess
import sys
import time
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
        peak = 0.0
        while child.poll() is None:
            peak = max(peak, _high_water_mark(child.pid))
            time.sleep(0.2)
        if child.returncode:
            raise RuntimeError(f"the ingest of {dossiers} dossiers ended with code {child.returncode}")
        return peak


def _high_water_mark(pid: int) -> float:
    """MB that the kernel says the process had at most; what wait4 tells starts with its parent's memory."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)
