"""A skip for want of a program that must be there is a failure: in a test, by a mark, in a fixture, of a whole module."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from must_run import VARIABLE

TESTS = Path(__file__).parents[1]
CASES = {
    "test_called.py": 'import pytest\ndef test_it(): pytest.skip("no MariaDB here")\n',
    "test_marked.py": 'import pytest\n@pytest.mark.skipif(True, reason="Chromium is missing")\ndef test_it(): pass\n',
    "test_module.py": 'import pytest\npytest.skip("pdftotext (poppler-utils) is missing", allow_module_level=True)\n',
    "test_fixture.py": (
        'import pytest\n@pytest.fixture\ndef server(): pytest.skip("NOT RUN: redis-server")\ndef test_it(server): pass\n'
    ),
    "test_other.py": 'import pytest\ndef test_it(): pytest.skip("shared/ is missing")\ndef test_runs(): pass\n',
}


def outcomes(folder: Path, must_run: str, *more: str) -> dict[str, int]:
    """How many tests of the cases failed, were errors, skipped and passed, with the project's own conftest."""
    for name, text in CASES.items():
        (folder / name).write_text(text)
    (folder / "conftest.py").write_text(
        "from must_run import MustRun\ndef pytest_configure(config): config.pluginmanager.register(MustRun())\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o", f"pythonpath={TESTS}", *more, "."],
        cwd=folder, capture_output=True, text=True, env={**os.environ, VARIABLE: must_run},
    )  # fmt: skip
    *_, summary = done.stdout.strip().splitlines()
    found = {word.rstrip("s"): int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", summary)}
    assert (done.returncode == 0) == (not found.keys() & {"failed", "error"}), done.stdout
    return found


def test_each_kind_of_skip_becomes_a_failure(tmp_path: Path) -> None:
    found = outcomes(tmp_path, "mariadb,redis,chromium, Poppler", "--continue-on-collection-errors")
    # The mark, the fixture, the module: what fails before a test's own part is an error.
    assert found == {"failed": 1, "error": 3, "skipped": 1, "passed": 1}


def test_it_holds_for_several_workers_too(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "redis", "-n", "2") == {"error": 1, "skipped": 4, "passed": 1}


def test_without_the_variable_all_skip_as_they_say(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "") == {"skipped": 5, "passed": 1}


def test_what_was_not_promised_may_be_missing(tmp_path: Path) -> None:
    assert outcomes(tmp_path, "libreoffice,mariadb") == {"failed": 1, "skipped": 4, "passed": 1}


def test_the_suite_itself_has_the_plugin(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.pluginmanager.has_plugin("must_run")
