"""Deliveries in any order, repeated, split and late leave the same rows as one clean delivery."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from onestop.landing import ledger
from onestop.pipeline.entities import entity_of
from onestop.pipeline.keys import load_keys
from onestop.pipeline.loading import Loader
from onestop.pipeline.reference import ingest_reference, reference_index
from onestop.quality.batch import BatchFacts
from onestop.quality.judge import Judge
from worlds import AS_OF, World, dossier, make_world

pytestmark = pytest.mark.integration

# Versions with distinct code and time of change, as the contract has them; some break a rule.
DOSSIERS = [
    dossier(
        number,
        NgayCapNhat=f"202408{29 + version % 2:02d}1{version}{number:02d}00",
        TrangThaiHoSo="10" if version else "4",
        **({"NgayKetThucXuLy": None} if not version else {}),
        **({"KenhThucHien": "9"} if number == 3 else {}),
    )
    for number in range(1, 7)
    for version in range(3)
]
CASES = [
    {
        "MaPAKN": f"PA-{number}",
        "NgayTiepNhan": "2024-08-01T08:00:00+07:00",
        "TrangThai": "moi" if number != 2 else "?",
        "NgayCapNhat": f"2024-08-20T1{version}:00:0{number}",
    }
    for number in range(1, 5)
    for version in range(2)
]
FEEDS = {"one_stop_api": DOSSIERS, "feedback_api": CASES}


@pytest.fixture(scope="module")
def judges() -> dict[str, Judge]:
    return {kind: Judge(entity_of(kind).book) for kind in FEEDS}


@pytest.fixture
def world(tmp_path: Path, warehouse: str, monkeypatch: pytest.MonkeyPatch) -> World:
    made = make_world(tmp_path, warehouse, {"igate": "http://127.0.0.1:9"}, monkeypatch)
    ingest_reference(made.settings, as_of=AS_OF)
    return made


def deliver(world: World, kind: str, judge: Judge, source: str, deliveries: list[list[dict[str, Any]]]) -> None:
    """Each delivery as a batch of its own, in chunks of nine, committed, with its ledger row."""
    with closing(psycopg.connect(world.dsn)) as connection:
        for number, records in enumerate(deliveries):
            with connection.cursor() as cursor:
                batch = ledger.Batch(
                    ledger.next_batch_id(cursor),
                    source,
                    entity_of(kind).spec.entity,
                    "test",
                    AS_OF + timedelta(days=number),
                    number == 0,
                )
                loader = Loader(
                    world.settings,
                    entity_of(kind),
                    reference_index(cursor),
                    load_keys(world.settings),
                    batch,
                    BatchFacts(),
                    AS_OF,
                )
                loader.__dict__["judge"] = judge
                for start in range(0, len(records), 9):
                    loader.load(cursor, records[start : start + 9])
                ledger.write_batch(cursor, batch)
            connection.commit()


def outcome(world: World, kind: str, source: str) -> tuple[list[Any], list[Any]]:
    """What is accepted and what lies in quarantine, whatever the batches were."""
    table = entity_of(kind).spec.table
    accepted = world.rows(f"select content_hash from raw.{table} where source_id = %s order by 1", source)
    rejected = world.rows(
        "select content_hash, rule_ids, warning_ids from quarantine.rejected_row where source_id = %s order by 1",
        source,
    )
    return accepted, rejected


@pytest.mark.parametrize("kind", FEEDS)
def test_any_order_split_and_repetition(world: World, judges: dict[str, Judge], kind: str) -> None:
    feed = FEEDS[kind]
    deliver(world, kind, judges[kind], "clean", [feed])
    clean = outcome(world, kind, "clean")
    assert len(clean[0]) + len(clean[1]) == len(feed) and clean[1]
    turns = iter(range(10_000))

    @settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        order=st.permutations(feed),
        cuts=st.lists(st.integers(0, len(feed)), max_size=2),
        again=st.lists(st.sampled_from(feed), max_size=8),
    )
    def same(order: list[dict[str, Any]], cuts: list[int], again: list[dict[str, Any]]) -> None:
        source = f"turn{next(turns)}"
        edges = [0, *sorted(cuts), len(order)]
        parts = [order[a:b] for a, b in pairwise(edges)]
        deliver(world, kind, judges[kind], source, [*parts, again, order[: len(again)]])
        assert outcome(world, kind, source) == clean
        totals = world.rows(
            "select sum(received), sum(accepted), sum(quarantined), sum(duplicate), sum(refused) from ops.load_batch where source_id = %s",
            source,
        )
        ((received, accepted, quarantined, duplicate, refused),) = totals
        assert received == accepted + quarantined + duplicate + refused == len(feed) + 2 * len(again)
        assert (accepted, quarantined) == (len(clean[0]), len(clean[1]))

    same()
