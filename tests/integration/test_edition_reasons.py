"""Why a dossier or item moved, reason by reason: two editions put down row by row, as drafting leaves them.

The two tables of the models that the reasons ask (what was known when) hold just what each case needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from onestop.periods import parse
from onestop.reporting.editions import moved, store
from onestop.warehouse.connection import connect

pytestmark = pytest.mark.integration
PERIOD = parse("2024-Q3")
THEN = datetime(2024, 9, 25, tzinfo=UTC)
NOW = datetime(2024, 10, 10, tzinfo=UTC)
TOP, BOTTOM = ["received_total", "resolved_early", "on_time_rate"], ["on_time_rate"]
LATE = ["received_total", "resolved_overdue"]
PAID = [*TOP, "online_payment_rate"]
WAY = {"first": (TOP, BOTTOM), "late": (LATE, BOTTOM), "paid": (PAID, BOTTOM)}


@pytest.fixture(scope="module")
def dsn(module_warehouse: str) -> str:
    with closing(connect(module_warehouse)) as connection, connection.transaction():
        connection.execute("create table intermediate.int_dossier__delivered (dossier_code text, known_at timestamptz)")
        connection.execute("create table staging.stg_feedback__case (case_code text, known_at timestamptz)")
    return module_warehouse


@pytest.fixture
def connection(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """Whatever a test writes is undone."""
    with closing(connect(dsn)) as found:
        yield found
        found.rollback()


def dossier(code: str, way: str = "first", *, batch: int = 1, unit: str = "A", field: str = "HT") -> tuple[Any, ...]:
    return code, way, batch, unit, field


def edition(
    connection: psycopg.Connection[Any],
    version: int,
    dossiers: list[tuple[Any, ...]],
    *,
    items: tuple[tuple[Any, ...], ...] = (),
    rule_version: int = 1,
) -> int:
    """An edition with these dossiers (code, way of counting, batch, unit, field) and items."""
    known_at = THEN if version == 1 else NOW
    made = store.add_draft(
        connection, PERIOD, version=version, known_at=known_at, is_preliminary=False, at=known_at, by="a test",
        reason_code="other" if version > 1 else None, reason="x" if version > 1 else None, code_version="1",
    )  # fmt: skip
    units = {"A": (["A", "H15"], ["A", "H15"]), "B": (["A", "H15"], ["B", "H15"])}  # B: A's successor, as_is
    for number, (was, become) in enumerate(units.values(), 1 if version == 1 else 11):
        connection.execute(
            "insert into published.place values (%s, %s, %s, '-infinity', 'infinity', %s, %s)",
            [made, number, was[0], was, become],
        )
    for number, (top, bottom) in enumerate(WAY.values(), 1):
        connection.execute("insert into published.counting values (%s, %s, %s, %s)", [made, number, top, bottom])
    for code, way, batch, unit, field in dossiers:
        place = list(units).index(unit) + (1 if version == 1 else 11)
        connection.execute(
            "insert into published.dossier values (%s, %s, 'igate', %s, 1, %s, %s, '1.000001', '2024-07-01', null, null,"
            " 10, 3, %s)",
            [made, code, batch, place, field, list(WAY).index(way) + 1],
        )
    for kind, code, batch, chain, amount in items:
        connection.execute(
            "insert into published.item values (%s, 'm', 'as_is', %s, %s, 's', %s, 1, %s, %s, 1)",
            [made, kind, code, batch, chain, amount],
        )
    for metric in (*TOP, *LATE[1:], "online_payment_rate"):
        connection.execute(
            "insert into published.metric_rule values (%s, %s, %s, 'm', 'm', 'ratio', 'n', 'd', 'b', 'dossier')",
            [made, metric, rule_version if metric == "resolved_overdue" else 1],
        )
    if version == 1:
        connection.execute(
            "update published.edition set status = 'approved', sha256 = repeat('a', 64), manifest = '{}', approved_by = 'x',"
            " approved_at = now() where edition_id = %s",
            [made],
        )
    return made


def reasons(
    connection: psycopg.Connection[Any], before: int, after: int, *, is_other_program: bool = False
) -> dict[str, tuple[str, str]]:
    moved.keep_moved(connection, after, before, known_at=NOW, known_before=THEN, is_other_program=is_other_program)
    rows = connection.execute(
        "select item_code, reason_code, change from published.moved where edition_id = %s", [after]
    ).fetchall()
    return {code: (reason, change) for code, reason, change in rows}


def known(connection: psycopg.Connection[Any], code: str, at: datetime) -> None:
    connection.execute("insert into intermediate.int_dossier__delivered values (%s, %s)", [code, at])


def released(connection: psycopg.Connection[Any], code: str, event: str, *, seen: datetime, at: datetime) -> None:
    """A row of the dossier that lay in quarantine and came out."""
    batch = connection.execute(
        "insert into ops.load_batch (source_id, entity, origin, received, accepted, quarantined, duplicate, refused,"
        " started_at, finished_at, state, accepted_at, reached_end, is_first_load, code_version)"
        " values ('igate', 'dossier', 't', 0, 0, 0, 0, 0, now(), now(), 'loaded', now(), true, false, 't')"
        " returning batch_id"
    ).fetchone()
    row = connection.execute(
        "insert into quarantine.rejected_row (source_id, entity, batch_id, row_number, rule_ids, warning_ids, payload,"
        " first_seen_at, content_hash, key_code, status) values ('igate', 'dossier', %s, 1, '{OS-011}', '{}', '{}', %s, %s, %s,"
        " 'replayed') returning rejected_id",
        [batch[0] if batch else 0, seen, code.encode(), code],
    ).fetchone()
    connection.execute(
        "insert into quarantine.row_event (rejected_id, event, status_before, status_after, happened_at, by_whom, reason)"
        " values (%s, %s, 'open', 'replayed', %s, 'x', 'x')",
        [row[0] if row else 0, event, at],
    )


def test_nothing_moved_where_all_count_as_before(connection: psycopg.Connection[Any]) -> None:
    """Another version that counts alike, and other numbers of places, are no move."""
    before = edition(connection, 1, [dossier("same"), dossier("again")])
    after = edition(connection, 2, [dossier("same"), dossier("again", batch=2)], rule_version=2)
    assert reasons(connection, before, after, is_other_program=True) == {}
    assert moved.main_reason(connection, after) is None


def test_late_corrected_and_released(connection: psycopg.Connection[Any]) -> None:
    before = edition(connection, 1, [dossier("fixed"), dossier("deleted"), dossier("freed")])
    after = edition(
        connection,
        2,
        [
            dossier("fixed", "late", batch=2),
            dossier("freed", "late", batch=2),
            *(dossier(code, batch=2) for code in ("new", "known", "back", "redelivered", "refused and mended since")),
        ],
    )
    known(connection, "known", THEN)  # in status 1, or of another period, when edition 1 was drafted
    known(connection, "new", THEN + timedelta(seconds=1))
    long_ago, since = THEN - timedelta(days=1), NOW - timedelta(days=1)
    released(connection, "freed", "corrected", seen=long_ago, at=since)
    released(connection, "back", "replayed", seen=long_ago, at=since)
    released(connection, "redelivered", "corrected", seen=long_ago, at=since)
    # It came, was refused and came out after edition 1: late. It came out before edition 1: a plain correction.
    released(connection, "refused and mended since", "replayed", seen=since, at=since)
    released(connection, "fixed", "corrected", seen=long_ago - timedelta(days=9), at=long_ago)
    assert reasons(connection, before, after) == {
        "fixed": ("correction", "changed"),
        "deleted": ("correction", "left"),
        "freed": ("quarantine_release", "changed"),
        "new": ("late_arrival", "entered"),
        "known": ("correction", "entered"),
        "back": ("quarantine_release", "entered"),
        "redelivered": ("quarantine_release", "entered"),
        "refused and mended since": ("late_arrival", "entered"),
    }
    assert moved.main_reason(connection, after) == "correction"  # three each: the first by name


def test_the_same_version_that_counts_otherwise(connection: psycopg.Connection[Any]) -> None:
    codes = ("unit", "payment", "rule", "field")
    before = edition(connection, 1, [dossier(code) for code in codes])
    after = edition(
        connection,
        2,
        [dossier("unit", unit="B"), dossier("payment", "paid"), dossier("rule", "late"), dossier("field", field="CT")],
        rule_version=2,  # of resolved_overdue
    )
    assert reasons(connection, before, after) == {
        "unit": ("reorganisation", "changed"),
        "payment": ("late_arrival", "changed"),  # of what the portal says
        "rule": ("rule_change", "changed"),
        "field": ("reference_change", "changed"),
    }


def test_another_program_is_a_rule_change(connection: psycopg.Connection[Any]) -> None:
    before = edition(connection, 1, [dossier("one"), dossier("paid")])
    after = edition(connection, 2, [dossier("one", "late"), dossier("paid", "paid")])
    assert reasons(connection, before, after, is_other_program=True) == {
        "one": ("rule_change", "changed"),
        "paid": ("late_arrival", "changed"),
    }


def test_items(connection: psycopg.Connection[Any]) -> None:
    old, new = ["A", "H15"], ["B", "H15"]
    before = edition(
        connection,
        1,
        [],
        items=(
            ("case", "PA1", 1, old, 1), ("case", "PA2", 1, old, 1), ("case", "PA3", 1, old, 1), ("case", "PA4", 1, old, 1),
            ("commune", "A", None, old, 0), ("commune", "C", None, ["C", "H15"], 0), ("procedure", "1.1", None, ["H15"], 1),
        ),
    )  # fmt: skip
    after = edition(
        connection,
        2,
        [],
        items=(
            ("case", "PA1", 1, old, 1), ("case", "PA2", 2, old, 0), ("case", "PA3", 1, new, 1), ("case", "PA5", 2, old, 1),
            ("commune", "B", None, new, 1), ("commune", "C", None, ["C", "H15"], 1), ("procedure", "1.1", None, ["H15"], 0),
        ),
    )  # fmt: skip
    assert reasons(connection, before, after) == {
        "PA2": ("correction", "changed"),
        "PA3": ("reorganisation", "changed"),
        "PA4": ("correction", "left"),
        "PA5": ("late_arrival", "entered"),
        "A": ("reorganisation", "left"),
        "B": ("reorganisation", "entered"),
        "1.1": ("reference_change", "changed"),
    }
