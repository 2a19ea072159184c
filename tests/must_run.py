"""Turns a skip into a failure where what the test needs was promised to be there.

ONESTOP_TEST_MUST_RUN names programs, separated by commas (mariadb,redis,chromium,libreoffice,poppler): a test, or a module,
whose reason to be skipped names one of them fails. `.ci/run` sets it after it has installed them. So a reason to skip
names the program, in whatever letters.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest

VARIABLE = "ONESTOP_TEST_MUST_RUN"


def missing(reason: str) -> list[str]:
    """The programs that a reason to skip names, and that must be there."""
    wanted = {name.strip().lower() for name in os.environ.get(VARIABLE, "").split(",")} - {""}
    return sorted(name for name in wanted if name in reason.lower())


def judge(report: Any) -> None:
    """Make a skipped report a failed one where its reason names such a program."""
    if not report.skipped or hasattr(report, "wasxfail"):
        return
    *_, reason = report.longrepr if isinstance(report.longrepr, tuple) else (str(report.longrepr),)
    if names := missing(str(reason)):
        report.outcome = "failed"
        report.longrepr = f"{', '.join(names)} must be there ({VARIABLE}), and the test was to be skipped: {reason}"


class MustRun:
    """The plugin: it sees every report last, so that no other takes the failure back."""

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, Any]:
        report = yield
        judge(report)
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self) -> Generator[None, Any, Any]:
        report = yield
        judge(report)
        return report
