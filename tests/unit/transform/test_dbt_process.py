"""The process of dbt: it ends with whoever started it, however that one ended, and says what it printed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

CALLER = """
import os, pathlib, sys
from onestop.transform import dbt
dbt.run([sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(60)"], dict(os.environ), pathlib.Path(sys.argv[1]))
"""


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.mark.skipif(sys.platform != "linux", reason="NOT RUN: only Linux ends a process with its parent")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_its_caller(tmp_path: Path, number: int) -> None:
    printed = tmp_path / "output.txt"
    with subprocess.Popen([sys.executable, "-c", CALLER, str(tmp_path)], stderr=subprocess.DEVNULL) as caller:
        end = time.monotonic() + 30
        while not (printed.exists() and printed.read_text().strip()):
            assert time.monotonic() < end and caller.poll() is None
            time.sleep(0.02)
        pid = int(printed.read_text())
        assert not gone(pid)
        os.kill(caller.pid, number)
        caller.wait(30)
    end = time.monotonic() + 10
    while not gone(pid):
        assert time.monotonic() < end, "what was started goes on alone"
        time.sleep(0.02)


def test_what_it_printed_comes_back(tmp_path: Path) -> None:
    call = "import os, pathlib, sys; from onestop.transform import dbt; print(dbt.run(sys.argv[2:], dict(os.environ), pathlib.Path(sys.argv[1])))"
    command = [sys.executable, "-c", "import sys; print(sys.argv[1:]); sys.exit(3)", "a b", "--c"]
    done = subprocess.run([sys.executable, "-c", call, str(tmp_path), *command], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "['a b', '--c']"), done.stderr
