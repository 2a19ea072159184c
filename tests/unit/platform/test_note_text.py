"""The words of the note on a DAG run."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from onestop.alerts.model import kinds
from onestop.logs import Event
from onestop.platform.note_text import FAULT, HEAD, LONGEST, SKIPPED, joined, lines, note

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
OURS = f"{HEAD}set to failed by hand\n- ingest: igate dossier, batch 3 loaded"


def batch(number: int, **other: Any) -> Event:
    counts = {"received": 1200, "accepted": 1100, "quarantined": 20, "duplicate": 80, "refused": 0}
    names = {"source_id": "igate", "entity": "dossier", "state": "loaded"}
    return {"event": "batch", "batch": number, **names, **counts, "covers": None, **other}


def test_a_batch_tells_what_became_of_its_rows_and_what_was_asked_for_in_local_time() -> None:
    said = [batch(12, covers=("20241126015000", "20241127020001"))]
    assert lines(said, ZONE) == [
        "igate dossier, batch 12 loaded: received 1,200 = accepted 1,100 + quarantined 20 + duplicate 80 + refused 0;"
        " 2024-11-26 01:50 to 2024-11-27 02:00"
    ]
    refused = {"state": "refused", "accepted": 0, "quarantined": 0, "duplicate": 0, "refused": 1200}
    said = [batch(13, **refused, covers=("19700101000000", "20241127020001"))]
    assert lines(said, ZONE) == [
        "igate dossier, batch 13 refused: received 1,200 = accepted 0 + quarantined 0 + duplicate 0 + refused 1,200;"
        " the beginning to 2024-11-27 02:00"
    ]


def test_many_files_are_told_together_by_entity_and_state() -> None:
    said = [batch(n, source_id="dvcqg", covers=(f"2024-0{n}-01", f"2024-0{n}-28")) for n in range(2, 7)]
    said.append(batch(7, source_id="dvcqg", state="refused", covers=("2024-07-01", "2024-07-31")))
    assert lines(said, ZONE) == [
        "dvcqg dossier, 5 batches 2 to 6 loaded: received 6,000 = accepted 5,500 + quarantined 100 + duplicate 400 +"
        " refused 0; 2024-02-01 to 2024-06-28",
        "dvcqg dossier, batch 7 refused: received 1,200 = accepted 1,100 + quarantined 20 + duplicate 80 + refused 0;"
        " 2024-07-01 to 2024-07-31",
    ]
    assert len(lines(said[:4], ZONE)) == 4


@pytest.mark.parametrize(
    ("event", "fields", "expected"),
    [
        (
            "build",
            {"is_whole": True, "reason": "a year began", "known_at": datetime(2024, 12, 31, 19, 30, tzinfo=UTC)},
            "whole (a year began), as known at 2025-01-01 02:30",
        ),
        (
            "build",
            {"is_whole": False, "reason": "what changed", "known_at": datetime(2024, 8, 1, 19, 30, tzinfo=UTC)},
            "follows the change (what changed), as known at 2024-08-02 02:30",
        ),
        ("built", {"layers": ["marts"], "models": 38, "tests": 1412, "failed": []}, "marts: 38 models, 1,412 tests"),
        (
            "built",
            {"layers": ["marts"], "models": 2, "tests": 1, "failed": ["a", "b", "c", "d"]},
            "marts: 2 models, 1 tests; failed: a, b, c and 1 more",
        ),
        ("period", {"period": "statutory:2024-Q3"}, "period statutory:2024-Q3"),
        ("edition drafted", {"version": 2, "conditions": 7, "open": 1}, "edition 2 drafted, 1 of 7 conditions not met"),
        ("edition published", {"version": 2, "files": 9}, "edition 2 published, 9 files"),
        ("edition sent back", {}, "edition sent back"),
        ("units asked", {"states": {}}, "units asked: nobody"),
        ("delivered", {"states": {"sent": 3, "failed": 1}}, "delivered: sent 3, failed 1"),
        (
            "reconciled",
            {"period": "calendar:2024-Q3", "compared": 4000, "differing": 12, "workbooks": 5},
            "period calendar:2024-Q3: 12 of 4,000 dossiers differ, workbooks 5",
        ),
        (
            "maintenance",
            {"task": "backup", "path": "/srv/b", "tables": 120, "rows": 45678, "proved": True},
            "backup: tables 120, rows 45,678, proved",
        ),
        ("maintenance", {"task": "airflow", "before": "2024-08-01"}, "airflow: done"),
        (
            "judged again",
            {"source_id": "igate", "entity": "dossier", "judged": 1900, "replayed": 7, "still_open": 1893},
            "igate dossier: 1,900 judged again, 7 taken back, 1,893 still wait",
        ),
        ("looked", {"findings": {"run_missing": 2, "disk_low": 1}}, "findings: run_missing 2, disk_low 1"),
        ("looked", {"findings": {}}, "findings: none"),
        ("nothing new", {"what": "dvcqg"}, "dvcqg: nothing new"),
        (FAULT, {"kind": "task_failed", "subject": "report__quarterly.draft"}, "failed (runbook task_failed)"),
        ("quality page", {"day": date(2024, 8, 20)}, "day 2024-08-20"),
        (SKIPPED, {}, "skipped: outside of its hours"),
        (
            FAULT,
            {"kind": "source_unavailable", "subject": "igate"},
            "failed: Source igate could not be read (runbook source_unavailable)",
        ),
    ],
)
def test_what_else_is_said_has_its_words(event: str, fields: dict[str, Any], expected: str) -> None:
    assert lines([{"event": event, **fields}], ZONE) == [expected]


def test_a_fault_of_every_kind_has_words() -> None:
    for kind in kinds():
        (line,) = lines([{"event": FAULT, "kind": kind, "subject": "igate"}], ZONE)
        assert line.endswith(f"(runbook {kind})") and "{" not in line


def test_what_nobody_foresaw_is_left_out() -> None:
    assert lines([{"event": "step", "name": "Nguyễn Văn A"}], ZONE) == []


def test_a_run_of_which_nothing_is_known_gets_no_note() -> None:
    assert note([]) == ""
    assert note([("ingest", [])], ["set to failed by hand"]) == "Onestop: set to failed by hand"


def test_what_failed_comes_first_and_a_line_has_its_tasks_name_once() -> None:
    parts = [("backup", ["backup: tables 3"]), ("build_marts", ["marts: 3 models", "failed (runbook task_failed)"])]
    assert note(parts[:1]) == "Onestop: backup: tables 3"
    assert note(parts).splitlines() == [
        "Onestop: build_marts: failed (runbook task_failed)",
        "- backup: tables 3",
        "- build_marts: marts: 3 models",
    ]


def test_what_people_wrote_stays_and_what_an_earlier_try_left_goes() -> None:
    assert joined(None, OURS) == OURS
    assert joined("Lan: why", OURS) == f"Lan: why\n\n{OURS}"
    again = f"{HEAD}ingest: batch 4"
    assert joined(f"Lan: why\n\n{OURS}", again) == f"Lan: why\n\n{again}"
    assert joined(f"{OURS}\n\nLan: afterwards\n- a point", again) == f"Lan: afterwards\n- a point\n\n{again}"
    assert joined("Lan: why", "") == "Lan: why"


def test_a_note_is_never_longer_than_airflow_keeps() -> None:
    long = note([("ingest", [f"line {n} {'x' * 90}" for n in range(40)])])
    cut = joined(None, long)
    assert 850 < len(cut) <= LONGEST
    assert cut.endswith(f"{'x' * 90}\n…")
    assert joined(cut, OURS) == OURS
    theirs = "y" * 800
    assert len(joined(theirs, long)) <= LONGEST and joined(theirs, long).startswith(f"{theirs}\n\n{HEAD}")
    assert joined("y" * 990, long) == "y" * 990
