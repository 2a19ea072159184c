"""Log lines as JSON: a program reads them, with the fields of all that was going on."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from onestop import logs
from onestop.cli import app as cli

Lines = Callable[[], list[dict[str, Any]]]
LOG = logging.getLogger("onestop.test")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    monkeypatch.setenv("ONESTOP_LOG", "json")
    package = logging.getLogger("onestop")
    before = package.handlers, package.propagate, package.level
    token = logs._bound.set(None)
    try:
        yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    finally:
        package.handlers, package.propagate = before[:2]
        package.setLevel(before[2])
        logs._bound.reset(token)


def test_a_line_has_the_fields_of_the_blocks_around_it(lines: Lines) -> None:
    logs.begin("ingest")
    logs.bind(period="statutory:2024-Q3")
    with logs.bound(step="igate"):
        logs.say(LOG, "batch", batch=7, accepted=9)
    LOG.warning("keys: %s", "Đắk Lắk")
    try:
        raise ValueError("Nguyễn Văn A")
    except ValueError:
        LOG.exception("it failed")
    first, second, third = lines()
    assert (first["event"], first["command"], first["step"], first["batch"], first["accepted"]) == (
        "batch", "ingest", "igate", 7, 9,
    )  # fmt: skip
    assert {line["period"] for line in (first, second, third)} == {"statutory:2024-Q3"}
    assert len({line["run"] for line in (first, second, third)}) == 1
    assert "step" not in second
    assert (second["level"], second["event"]) == ("warning", "keys: Đắk Lắk")
    assert third["fault"] == "ValueError" and "Nguyễn" not in json.dumps(third, ensure_ascii=False)


def test_a_commands_error_is_one_line(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["onestop", "report", "2024-Q5"])
    with pytest.raises(SystemExit) as left:
        cli.main()
    assert left.value.code == 2
    (line,) = lines()
    assert (line["level"], line["kind"], line["command"], line["exit_code"]) == (
        "error",
        "ConfigurationError",
        "report",
        2,
    )
    assert "2024-Q5" in str(line["event"]) and "2024-Q3" in str(line["next_step"])


def test_else_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONESTOP_LOG", raising=False)
    before = logging.getLogger("onestop").handlers
    logs.begin("ingest")
    assert logging.getLogger("onestop").handlers is before


def test_what_is_said_is_heard_whether_or_not_it_is_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONESTOP_LOG", raising=False)
    monkeypatch.setattr(LOG, "disabled", True)
    with logs.heard() as outer:
        logs.say(LOG, "batch", batch=7)
        with logs.heard() as inner:
            logs.say(LOG, "built", models=3)
        logs.say(LOG, "period", period="statutory:2024-Q3")
    logs.say(LOG, "batch", batch=8)
    assert inner == [{"event": "built", "models": 3}]
    assert outer == [{"event": "batch", "batch": 7}, {"event": "period", "period": "statutory:2024-Q3"}]
