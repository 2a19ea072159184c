"""Memory does not grow with the length of a feed: four times the dossiers, the same peak."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import orjson
import pytest

from onestop.pipeline.reference import ingest_reference
from onestop.sandbox.feed import Record
from onestop.sandbox.server import OneStopServer
from worlds import AS_OF, CLIENT, SECRET, dossier, make_world

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: a process's own peak is read from /proc"),
]
FEW, MANY = 20_000, 80_000

INGEST = """
import re, sys
from datetime import datetime
from onestop import config
from onestop.pipeline import ingest
ingest.CHUNK = 5_000
done = ingest.ingest(config.load(sys.argv[1]), "igate", as_of=datetime.fromisoformat(sys.argv[2]))
# VmHWM and not ru_maxrss: that one starts with the memory of the process that started this one.
print(done.accepted, re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())[1])
"""


def records(count: int) -> Iterator[Record]:
    """Dossiers with 2 kB of free text: were they or their pages kept, 60,000 more of them would show."""
    text = "Trích yếu. " * 130
    for number in range(count):
        content = dossier(number, TrichYeuHoSo=text)
        yield Record(content["NgayCapNhat"], content["MaHoSo"], orjson.dumps(content))


def peak(folder: Path, dsn: str, count: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Peak memory in bytes of a process that loads so many dossiers over HTTP."""
    folder.mkdir()
    with OneStopServer(records(count), CLIENT, SECRET) as server:
        world = make_world(folder, dsn, {"igate": server.url}, monkeypatch)
        ingest_reference(world.settings, as_of=AS_OF)
        done = subprocess.run(
            [sys.executable, "-c", INGEST, str(folder / "province.yml"), AS_OF.isoformat()],
            env=os.environ.copy(), capture_output=True, text=True, timeout=300,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    accepted, kilobytes = done.stdout.split()
    assert int(accepted) == count
    return int(kilobytes) * 1024


def test_peak_memory_is_flat(
    tmp_path: Path, warehouse: str, empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = peak(tmp_path / "few", warehouse, FEW, monkeypatch)
    many = peak(tmp_path / "many", empty_database, MANY, monkeypatch)
    assert many < 1.2 * few + 60 * 2**20, f"{few / 2**20:.0f} MB for {FEW}, {many / 2**20:.0f} MB for {MANY}"
