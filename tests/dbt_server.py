"""Runs dbt for tests without importing it each time: one process imports it, and forks for every command.

What a command does is the same as with the program `dbt`: a process of its own with its own environment and output. Importing
dbt takes about as long as building a small world, and a test session builds a hundred. Tests that start onestop as a process
use the program itself.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

ENDS_WITHIN = 20


class DbtServer:
    """The process that forks, started with the first command; `run` has the signature of onestop.transform.dbt.run."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def run(self, command: list[str], env: dict[str, str], target_path: Path) -> str:
        """Run a dbt command to its end and give back what it printed."""
        from onestop.transform.dbt import executable

        printed = target_path / "output.txt"
        told = {"words": command[len(executable()) :], "env": env, "output": str(printed)}
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin and stdout
        stdin.write(json.dumps(told) + "\n")
        stdin.flush()
        pid = int(stdout.readline())
        try:
            ended = stdout.readline()
        except BaseException:
            os.kill(pid, signal.SIGTERM)
            self.stop()
            raise
        assert ended, "the server of dbt ended"
        return printed.read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """End it, if it runs."""
        if self._process is None:
            return
        assert self._process.stdin
        self._process.stdin.close()
        try:
            self._process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def serve() -> None:
    """Read commands, fork for each; nothing here may start a thread, or a fork would lose it."""
    import dbt.adapters.postgres
    import dbt.cli.main
    import dbt.parser.manifest
    import dbt.task.build
    import dbt.task.test  # noqa: F401

    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        told = json.loads(line)
        pid = os.fork()
        if pid == 0:
            _run(told)
        print(pid, file=answers, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), file=answers, flush=True)


def _run(told: dict[str, Any]) -> None:
    code = 1
    try:
        output = os.open(told["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.clear()
        os.environ.update(told["env"])
        sys.argv = ["dbt", *told["words"]]
        from dbt.cli.main import cli

        cli(standalone_mode=True)
        code = 0
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(bool(ended.code))
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()
