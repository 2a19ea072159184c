"""The words of the note on a DAG run: counts, names, moments and kinds of faults, nothing of a record. Pure.

A task's part is made of what the pipeline said meanwhile (onestop.logs); the note has the parts of all tasks.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from onestop.alerts.model import kinds
from onestop.logs import Event

LONGEST = 1000
"""What Airflow keeps of a note, in characters."""
MOST_BATCHES = 4
"""Of one task; more of one entity and state are told together."""
FAULT, SKIPPED, UNFORESEEN = "fault", "skipped", "task_failed"
HEAD = "Onestop: "
_OURS = re.compile(rf"^{HEAD}.*(?:\n|\Z)(?:[-…].*(?:\n|\Z))*", re.MULTILINE)
_COUNTS = ("received", "accepted", "quarantined", "duplicate", "refused")
_LEAST = 60
_BEGINNING = "19700101000000"


def lines(said: Sequence[Event], zone: ZoneInfo) -> list[str]:
    """What a task did, a line per thing."""
    batches = [one for one in said if one["event"] == "batch"]
    if len(batches) > MOST_BATCHES:
        batches = _together(batches)
    others = [_WORDS[one["event"]](one, zone) for one in said if one["event"] in _WORDS]
    return [*(_batch(one, zone) for one in batches), *(line for line in others if line)]


def note(parts: Iterable[tuple[str, Sequence[str]]], ends: Sequence[str] = ()) -> str:
    """The note of a run. Airflow shows its first line beside the run: what failed, else where it began.

    Args:
        parts: every task's name and lines, in order.
        ends: what the run itself adds.
    """
    named = [line if line.startswith(f"{task}: ") else f"{task}: {line}" for task, its in parts for line in its]
    said = [*named, *ends]
    if not said:
        return ""
    first = next((line for line in said if "failed" in line), said[0])
    said.remove(first)
    return "\n".join([f"{HEAD}{first}", *(f"- {line}" for line in said)])


def joined(before: str | None, ours: str) -> str:
    """A note beside what stood there: what people wrote stays, what we wrote of an earlier try goes."""
    theirs = _OURS.sub("", before or "").strip()
    room = LONGEST - len(theirs) - (2 if theirs else 0)
    if room < _LEAST:
        return theirs or ours[:LONGEST]
    if len(ours) > room:
        ours = ours[: room - 2].rsplit("\n", 1)[0] + "\n…"
    return f"{theirs}\n\n{ours}" if theirs and ours else theirs or ours


def _together(batches: Sequence[Event]) -> list[Event]:
    """One event per entity and state, with the sums."""
    found: dict[tuple[str, str, str], dict[str, Any]] = {}
    for one in batches:
        key = (one["source_id"], one["entity"], one["state"])
        sums = found.setdefault(key, {**one, "batches": [], **dict.fromkeys(_COUNTS, 0)})
        sums["batches"].append(one["batch"])
        sums["covers"] = _widest(sums["covers"], one["covers"])
        for name in _COUNTS:
            sums[name] += one[name]
    return list(found.values())


def _widest(one: tuple[str, str] | None, other: tuple[str, str] | None) -> tuple[str, str] | None:
    if one is None or other is None:
        return None
    return min(one[0], other[0]), max(one[1], other[1])


def _batch(one: Event, zone: ZoneInfo) -> str:
    numbers = one.get("batches") or [one["batch"]]
    name = f"batch {numbers[0]}" if len(numbers) == 1 else f"{len(numbers)} batches {min(numbers)} to {max(numbers)}"
    received, *became = (f"{count} {one[count]:,}" for count in _COUNTS)
    text = f"{one['source_id']} {one['entity']}, {name} {one['state']}: {received} = {' + '.join(became)}"
    if one["covers"] is None:
        return text
    start, end = (_local(stamp, zone) for stamp in one["covers"])
    return f"{text}; {start} to {end}"


def _local(moment: datetime | str, zone: ZoneInfo) -> str:
    """A moment in local time, to the minute; a day stays a day."""
    if isinstance(moment, str):
        if len(moment) != len(_BEGINNING):
            return moment
        day, time = moment[:8], moment[8:]
        return "the beginning" if moment == _BEGINNING else f"{day[:4]}-{day[4:6]}-{day[6:]} {time[:2]}:{time[2:4]}"
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _build(one: Event, zone: ZoneInfo) -> str:
    how = "whole" if one["is_whole"] else "follows the change"
    return f"{how} ({one['reason']}), as known at {_local(one['known_at'], zone)}"


def _built(one: Event, zone: ZoneInfo) -> str:
    failed = one["failed"]
    broken = f"; failed: {_few(failed)}" if failed else ""
    return f"{', '.join(one['layers'])}: {one['models']:,} models, {one['tests']:,} tests{broken}"


def _few(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _drafted(one: Event, zone: ZoneInfo) -> str:
    return f"edition {one['version']} drafted, {one['open']} of {one['conditions']} conditions not met"


def _states(what: str) -> Callable[[Event, ZoneInfo], str]:
    return lambda one, zone: f"{what}: {_numbers(one['states']) or 'nobody'}"


def _numbers(counts: Mapping[str, Any]) -> str:
    """Counts by name; a word that is no number is left out, so that no path comes in."""
    return ", ".join(
        (name if n else f"not {name}") if isinstance(n, bool) else f"{name} {n:,}"
        for name, n in counts.items()
        if isinstance(n, int)
    )


def _reconciled(one: Event, zone: ZoneInfo) -> str:
    compared = f"{one['differing']:,} of {one['compared']:,} dossiers differ"
    return f"period {one['period']}: {compared}, workbooks {one['workbooks']}"


def _maintenance(one: Event, zone: ZoneInfo) -> str:
    return f"{one['task']}: {_numbers(one) or 'done'}"


def _judged(one: Event, zone: ZoneInfo) -> str:
    counts = f"{one['judged']:,} judged again, {one['replayed']:,} taken back, {one['still_open']:,} still wait"
    return f"{one['source_id']} {one['entity']}: {counts}"


def _fault(one: Event, zone: ZoneInfo) -> str:
    title = kinds()[one["kind"]].title_en.format(subject=one["subject"])
    said = "" if one["kind"] == UNFORESEEN else f": {title}"  # of the task itself it says no more than "failed"
    return f"failed{said} (runbook {one['kind']})"


_WORDS: dict[str, Callable[[Event, ZoneInfo], str]] = {
    "build": _build,
    "built": _built,
    "period": lambda one, zone: f"period {one['period']}",
    "edition drafted": _drafted,
    "edition published": lambda one, zone: f"edition {one['version']} published, {one['files']} files",
    "edition sent back": lambda one, zone: "edition sent back",
    "units asked": _states("units asked"),
    "delivered": _states("delivered"),
    "reconciled": _reconciled,
    "maintenance": _maintenance,
    "judged again": _judged,
    "looked": lambda one, zone: f"findings: {_numbers(one['findings']) or 'none'}",
    "nothing new": lambda one, zone: f"{one['what']}: nothing new",
    "quality page": lambda one, zone: f"day {one['day']}",
    SKIPPED: lambda one, zone: "skipped: outside of its hours",
    FAULT: _fault,
}
