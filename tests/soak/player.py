"""Runs `onestop ...` on order, each command in a process of its own that can be killed as a real one can.

Everything is imported once, and a process is forked for each command, so that a kill at a random instant hits the work and
not the imports. dbt too is a process of its own, a child of the command's, as in the product. See `Player`, the end that
gives the orders.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

TESTS = Path(__file__).parents[1]
CHUNK = 100  # records: a small delivery has several
COMMAND_SECONDS = 900


class Player:
    """The process that forks. What is said is of the command begun last, where no other one's pid is named."""

    def __init__(self, folder: Path, environment: dict[str, str] | None = None, *, data_tests: bool = False) -> None:
        """`folder`: that of province.yml, in which commands are called. `data_tests`: dbt's, half of a small build's time."""
        self._folder = folder
        told = [str(folder), "all" if data_tests else "models"]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "soak.player", *told],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=TESTS, start_new_session=True,
            env={**os.environ, **(environment or {}), "PYTHONPATH": str(TESTS)},
        )  # fmt: skip
        assert self._answer() == "ready"
        self.pid, self.peak_mb = 0, 0.0

    def start(self, *words: str, environment: dict[str, str] | None = None) -> None:
        """Begin a command."""
        self._tell({"words": words, "environment": environment or {}})
        self.pid = int(self._answer())

    def wait(self, seconds: float, pid: int | None = None) -> int | None:
        """Its exit code (-9: killed), or None where it still runs after so many seconds."""
        self._tell({"wait": seconds, "pid": pid or self.pid})
        answer = self._answer()
        if answer == "runs":
            return None
        code, peak = answer.split()
        self.peak_mb = float(peak)
        return int(code)

    def finish(self, pid: int | None = None) -> tuple[int, str]:
        """Wait for its end: the exit code, and what it printed."""
        code = self.wait(COMMAND_SECONDS, pid)
        assert code is not None, "the command does not end"
        return code, self.printed(pid)

    def run(self, *words: str, environment: dict[str, str] | None = None) -> float:
        """A whole command, which must go well; the seconds that it took."""
        began = time.monotonic()
        self.start(*words, environment=environment)
        code, printed = self.finish()
        assert code == 0, f"onestop {' '.join(words)} ended with {code}:\n{printed[-3000:]}"
        return time.monotonic() - began

    def printed(self, pid: int | None = None) -> str:
        """What it printed."""
        return _output(self._folder, pid or self.pid).read_text(encoding="utf-8", errors="replace")

    def children(self) -> list[psutil.Process]:
        """The processes that it started."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def kill(self, what: str = "all") -> None:
        """kill -9 of the command's process ("command"), of what it started ("children"), or of all at once.

        The pid is the command's own until `wait` has said how it ended.
        """
        children = [] if what == "command" else self.children()
        if what != "children" or not children:
            os.kill(self.pid, signal.SIGKILL)
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue

    def close(self) -> None:
        """End it."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(30)

    def _tell(self, words: dict[str, Any]) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(words) + "\n")

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


def serve(folder: Path, tests: str) -> None:
    """Fork for each command. Nothing here may start a thread, or a fork would lose it."""
    import dbt.adapters.postgres
    import dbt.cli.main
    import dbt.task.build
    import dbt.task.test  # noqa: F401

    from onestop.cli.app import main
    from onestop.pipeline import alerting, editions, flows, ingest  # noqa: F401
    from onestop.pipeline.entities import entity_of
    from onestop.quality import judge
    from onestop.transform import dbt as building
    from worlds import judges_made_once

    ingest.CHUNK = CHUNK
    judges_made_once(pytest.MonkeyPatch())  # the rules are made ready here, so that kills hit what is done with them
    judge.Judge(entity_of("one_stop_api").book)
    left_out = [] if tests == "all" else ["--exclude-resource-type", "test"]
    building.run = lambda command, env, target: _dbt([*command, *left_out], env, target)
    if left_out:
        building.refuse_emptiness = lambda result: None
    os.chdir(folder)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    print("ready", file=answers)
    ended: dict[int, tuple[int, float]] = {}
    for line in sys.stdin:
        told = json.loads(line)
        if "wait" in told:
            pid = told["pid"]
            if pid not in ended and (found := _ended(pid, told["wait"])) is not None:
                ended[pid] = found
            print("runs" if pid not in ended else "{} {}".format(*ended[pid]), file=answers)
            continue
        pid = os.fork()
        if not pid:
            os.environ.update(told["environment"])
            sys.argv = ["onestop", *told["words"]]
            _become(_output(folder, os.getpid()), main)
        ended.pop(pid, None)
        print(pid, file=answers)


def _output(folder: Path, pid: int) -> Path:
    return folder / f"output-{pid}.txt"


def _become(output: Path, main: Any) -> None:
    """Be the process of a command: its own session and output; ends it."""
    import traceback

    code = 1
    try:
        os.setsid()
        there = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        for number in (1, 2):
            os.dup2(there, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        main()
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _dbt(command: list[str], env: dict[str, str], target: Path) -> str:
    """dbt in a process of its own, as onestop.transform.dbt.run starts it."""
    printed = target / "output.txt"
    pid = os.fork()
    if not pid:
        from dbt.cli.main import cli

        from onestop.transform.dbt import executable

        _end_with_parent()
        os.closerange(
            3, 256
        )  # a program that is started has none of them: the server shall see that the caller is gone
        os.environ.clear()
        os.environ.update(env)
        sys.argv = ["dbt", *command[len(executable()) :]]
        _become(printed, lambda: cli(standalone_mode=True))
    os.waitpid(pid, 0)
    return printed.read_text(encoding="utf-8", errors="replace")


def _end_with_parent() -> None:
    """As the product does it for the program dbt."""
    import ctypes

    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def _ended(pid: int, seconds: float) -> tuple[int, float] | None:
    """The exit code and the peak of its memory in MB, once it has ended."""
    end = time.monotonic() + seconds
    while True:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), used.ru_maxrss / 1024
        if time.monotonic() >= end:
            return None
        time.sleep(0.002)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2])
