"""Peak memory of an ingest at two sizes, over HTTP and of files: it must not grow with the number of rows."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.place import Place, place
from bench.sample_files import delivered, rows
from onestop.pipeline.ingest import ingest
from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.portal_files import write_csv, write_xlsx

SHARE = 10  # of the larger size, the smaller one


@dataclass
class Peak:
    """Peak resident memory in MB: of the process that loads, and of the one that reads a file (0 without one)."""

    loader: float = 0.0
    reader: float = 0.0

    @property
    def together(self) -> float:
        """Of all processes of the pull: no less than they had at any moment."""
        return self.loader + self.reader


def measure(most: int) -> Iterator[tuple[str, dict[int, Peak]]]:
    """Kind, and rows -> peak, one kind after the other."""
    sizes = (most // SHARE, most)
    yield "API", {size: _of_feed(size) for size in sizes}
    with place(6_000) as here:
        ingest_reference(here.settings, as_of=here.as_of)
        ingest(here.settings, "igate", as_of=here.as_of)
        for suffix, write in (("csv", write_csv), ("xlsx", write_xlsx)):
            yield suffix.upper(), {size: _of_file(here, suffix, write, size) for size in sizes}


def _of_feed(dossiers: int) -> Peak:
    with place(dossiers) as here:
        ingest_reference(here.settings, as_of=here.as_of)
        return _peak(here, "igate")


def _of_file(here: Place, suffix: str, write: Callable[..., Path], size: int) -> Peak:
    file = delivered(here, suffix, of_its_own=size)
    write(file, "HoSo", rows(here, size))
    try:
        return _peak(here, "portal")
    finally:
        file.unlink()


def _peak(here: Place, source: str) -> Peak:
    command = [
        str(Path(sys.executable).with_name("onestop")), "ingest", source, "--json",
        "--config", str(here.settings.file), "--as-of", here.as_of.isoformat(),
    ]  # fmt: skip
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peak = Peak()
    while child.poll() is None:
        peak.loader = max(peak.loader, _high_water_mark(child.pid))
        try:
            readers = [p.pid for p in psutil.Process(child.pid).children() if "spreadsheet_child" in str(p.cmdline())]
        except psutil.Error:
            readers = []
        peak.reader = max([peak.reader, *map(_high_water_mark, readers)])
        time.sleep(0.1)
    if child.returncode:
        raise RuntimeError(f"the ingest of {source} ended with code {child.returncode}")
    return peak


def _high_water_mark(pid: int) -> float:
    """MB that the kernel says the process had at most; what wait4 tells starts with its parent's memory."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0.0)
