"""ONESTOP_LOG=json: what commands say on standard error as JSON, a line per event, with run, step, batch and period.

Fields are bound for as long as a block runs; a line has those of all blocks around it, and its own. Whoever wants the
events themselves (the note on a DAG run) hears them. They hold counts, names and moments, nothing of a record.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

VARIABLE = "ONESTOP_LOG"
Event = Mapping[str, Any]
_bound: ContextVar[Mapping[str, Any] | None] = ContextVar("bound", default=None)
_heard: ContextVar[list[Event] | None] = ContextVar("heard", default=None)


def is_json() -> bool:
    """Whether lines are asked for."""
    return os.environ.get(VARIABLE) == "json"


@contextmanager
def bound(**fields: Any) -> Iterator[None]:
    """Give every line of the block these fields."""
    token = _bound.set({**(_bound.get() or {}), **fields})
    try:
        yield
    finally:
        _bound.reset(token)


def bind(**fields: Any) -> None:
    """The same to the end of the process' work: for what a command learns on its way."""
    _bound.set({**(_bound.get() or {}), **fields})


@contextmanager
def heard() -> Iterator[list[Event]]:
    """What is said in the block, in order, whether or not anything is logged: the fields, the name at `event`."""
    events: list[Event] = []
    token = _heard.set(events)
    try:
        yield events
    finally:
        _heard.reset(token)


def say(logger: logging.Logger, event: str, **fields: Any) -> None:
    """One line of level INFO with fields of its own."""
    events = _heard.get()
    if events is not None:
        events.append({"event": event, **fields})
    logger.info("%s", event, extra={"fields": fields})


def begin(command: str) -> None:
    """Write the package's log lines to standard error as JSON, where that is asked for; the run gets a name of its own."""
    if not is_json():
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    log = logging.getLogger("onestop")
    log.handlers, log.propagate = [handler], False
    log.setLevel(logging.INFO)
    run = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"
    _bound.set({"run": run, "command": command})


class _Lines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            **(_bound.get() or {}),
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0]:
            line["fault"] = record.exc_info[0].__name__  # its words may quote a record
        return json.dumps(line, ensure_ascii=False, default=str)
