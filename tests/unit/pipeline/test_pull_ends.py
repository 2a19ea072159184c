"""However a pull is left, its process ends: the ways of leaving are played in processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PREPARED = """
import os, socket, sys, threading
from contextlib import closing
from onestop.crypto import DataKeys
from onestop.errors import OnestopError
from onestop.landing.store import LandingStore
from onestop.pipeline import pull as module
from onestop.pipeline.pull import pull
from onestop.sources.paging import Feed, Page

module.JOIN_SECONDS = 0.3
store = LandingStore(sys.argv[1], DataKeys(["a key of more than sixteen characters"]))
body = os.urandom(1 << 20) * 8
line, _other = socket.socketpair()

def endless():
    for number in range(1, 10_000):
        yield Page(number, body, [{"MaHoSo": "1"}] * 1000)

def deaf_after(pages):
    "A feed that then reads what never comes, and does not hear that it is to stop."
    def made():
        yield from (Page(n, b"{}", []) for n in range(1, pages + 1))
        line.recv(1)
    return Feed(made(), lambda: None)
"""
LEFT = """
never_closed = pull(endless(), store.open_run("a", "b", "1"))
next(never_closed)
deaf_and_never_closed = pull(deaf_after(1), store.open_run("a", "b", "2"))
next(deaf_and_never_closed)
try:
    with closing(pull(deaf_after(1), store.open_run("a", "b", "3"))) as pages:
        for page in pages:
            1 / 0
except ZeroDivisionError:
    print("whoever took the pages failed")
run = store.open_run("a", "b", "4")
run.put(2, b"something else")
try:
    list(pull(deaf_after(2), run))
except OnestopError:
    print("landing failed")
begin, started = threading.Thread.start, []
def start(thread):
    if started:
        raise RuntimeError("can't start new thread")
    started.append(thread)
    begin(thread)
threading.Thread.start = start
try:
    next(pull(endless(), store.open_run("a", "b", "5")))
except RuntimeError:
    print("no thread for landing")
"""
INTERRUPTED = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # what is started beside a shell ignores it otherwise
with closing(pull(deaf_after(1), store.open_run("a", "b", "1"))) as pages:
    for page in pages:
        print("waits", flush=True)
"""
SECONDS = 60  # either takes a few on an idle machine; without an end it would be for ever


def started(script: str, folder: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PREPARED + script, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_whatever_was_left_behind_the_process_ends(tmp_path: Path) -> None:
    process = started(LEFT, tmp_path)
    try:
        said, troubled = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert said.splitlines() == ["whoever took the pages failed", "landing failed", "no thread for landing"]
    assert (troubled, process.returncode) == ("", 0)


def test_an_interrupt_ends_it_too(tmp_path: Path) -> None:
    process = started(INTERRUPTED, tmp_path)
    try:
        assert process.stdout is not None and process.stdout.readline() == "waits\n"
        time.sleep(0.3)  # now it waits for a page that does not come
        os.kill(process.pid, signal.SIGINT)
        _, troubled = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert troubled.rstrip().endswith("KeyboardInterrupt") and process.returncode == -signal.SIGINT
