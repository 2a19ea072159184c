"""A file that is read while it is landed: its reader waits for what has not come, and for nothing that never will."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from pathlib import Path

from onestop.crypto import DataKeys
from onestop.landing.arriving import ArrivingContent
from onestop.landing.store import LandingStore

BODIES = [os.urandom(size) for size in (3_000, 1, 5_000)]
WHOLE = b"".join(BODIES)


def test_who_reads_ahead_waits_for_the_page_and_gets_what_was_landed(tmp_path: Path) -> None:
    run = LandingStore(str(tmp_path), DataKeys(["a key of more than sixteen characters"])).open_run("a", "b", "c")
    with ThreadPoolExecutor(2) as pool, closing(ArrivingContent(run, len(WHOLE))) as content:
        assert content.size == len(WHOLE)
        across, beyond = pool.submit(content.read, 2_990, 20), pool.submit(content.read, 7_000, 5_000)
        content.add(run.put(1, BODIES[0]), BODIES[0])
        content.add(run.put(2, BODIES[1]), BODIES[1])
        assert content.read(0, 3_001) == WHOLE[:3_001]
        assert not wait([across, beyond], timeout=0.2).done
        content.add(run.put(3, BODIES[2]), BODIES[2])
        assert across.result(10) == WHOLE[2_990:3_010]
        assert beyond.result(10) == WHOLE[7_000:]
        assert content.read(0, len(WHOLE)) == WHOLE
        assert content.read(len(WHOLE), 1) == b""


def test_nobody_waits_for_a_file_that_comes_no_further(tmp_path: Path) -> None:
    run = LandingStore(str(tmp_path), DataKeys(["a key of more than sixteen characters"])).open_run("a", "b", "c")
    with ThreadPoolExecutor(1) as pool:
        content = ArrivingContent(run, len(WHOLE))
        content.add(run.put(1, BODIES[0]), BODIES[0])
        reading = pool.submit(content.read, 2_000, 2_000)
        content.close()
        assert reading.result(10) == WHOLE[2_000:3_000]
        assert content.read(4_000, 10) == b""
