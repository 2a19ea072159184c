"""The sandbox's feedback system: its cases, their faults against the pipeline's own rules, and its server."""

from __future__ import annotations

import socket
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import numpy as np
import pytest

from onestop.clock import to_stamp
from onestop.errors import ConfigurationError
from onestop.quality.facts_feedback import feedback_table
from onestop.quality.judge import Judge
from onestop.quality.reference import ReferenceIndex
from onestop.quality.rules import rules_for
from onestop.sandbox.feedback_cases import (
    LOCAL,
    RATINGS,
    SOURCES,
    SPOILERS,
    STATUSES,
    FeedbackCases,
    generate_cases,
    written,
)
from onestop.sandbox.feedback_faults import KINDS, FeedbackFaultPlayer, FeedbackFaults
from onestop.sandbox.feedback_server import FeedbackServer, moment_of
from onestop.sandbox.procedures import catalogue
from onestop.sandbox.units import Unit, province_units
from onestop.sources.feedback_record import normalise
from onestop.sources.records import shape
from onestop.specs import load_spec

AS_OF = datetime(2024, 9, 25, 8, tzinfo=LOCAL)
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
KEY = "key-of-tests"
ALL = "1970-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def units() -> list[Unit]:
    return province_units("66", "H15")


@pytest.fixture(scope="module")
def made(units: list[Unit]) -> FeedbackCases:
    return generate_cases(units, catalogue(), AS_OF, bad_per_rule=4)


def clean(made: FeedbackCases) -> list[dict[str, Any]]:
    return made.records[: len(made.records) - sum(made.planted.values())]


def test_the_same_seed_gives_the_same_cases(units: list[Unit], made: FeedbackCases) -> None:
    assert generate_cases(units, catalogue(), AS_OF, bad_per_rule=4) == made
    assert generate_cases(units, catalogue(), AS_OF, bad_per_rule=4, seed=2) != made
    assert len(made.records) == 600 + 4 * len(SPOILERS) and set(made.planted.values()) == {4}


def test_every_field_and_form_of_the_contract_occurs(units: list[Unit], made: FeedbackCases) -> None:
    cases = clean(made)
    fields = {item.field for item in load_spec("feedback_case").fields}
    assert all(set(case) == fields for case in cases)
    assert {c["TrangThai"] for c in cases} == set(STATUSES)
    assert {c["Nguon"] for c in cases} == set(SOURCES)
    assert {c["MucDoHaiLong"] for c in cases} == {None, *RATINGS}
    assert {c["ThuocThamQuyen"] for c in cases} == {None, True, False}
    assert {str(c["LoaiNoiDung"]) for c in cases} == {"None", *"12345678"}
    assert {type(c["LoaiNoiDung"]) for c in cases} == {type(None), int, str}
    assert {c["NgayTiepNhan"][19:] for c in cases} == {"", "Z", "+07:00", ".250+0700", ".999999Z"}
    assert len({c["MaPAKN"] for c in cases}) == len(cases)
    standing = {u.code for u in units if not u.valid_to}
    assert {c["DonViXuLy"] for c in cases} - {None} <= standing and any(c["DonViXuLy"] is None for c in cases)


def test_cases_make_sense(made: FeedbackCases) -> None:
    cases = clean(made)
    by_code = {c["MaPAKN"]: c for c in cases}
    order = ("NgayTiepNhan", "NgayChuyen", "NgayTraLoi", "NgayCongKhai")
    for case in cases:
        known = [moment_of(case[name]) for name in order if case[name]]
        changed = moment_of(case["NgayCapNhat"])
        moments = [m.replace(microsecond=0) for m in known if m]
        assert changed and moments == sorted(moments) and moments[-1] <= changed <= AS_OF + timedelta(seconds=1)
        assert (case["NgayTraLoi"] is not None) == (case["TrangThai"] in ("da_xu_ly", "da_cong_khai"))
    again = [c for c in cases if c["MaPAKNGoc"]]
    assert len(again) > 20
    for case in again:
        first, second = moment_of(by_code[case["MaPAKNGoc"]]["NgayTraLoi"]), moment_of(case["NgayTiepNhan"])
        assert first and second and first <= second + timedelta(seconds=1)
    late = [
        c for c in cases if c["NgayTraLoi"] and c["HanXuLy"] and moment_of(c["NgayTraLoi"]) > moment_of(c["HanXuLy"])
    ]  # type: ignore[operator]
    assert late


@pytest.mark.parametrize("way", range(5))
def test_each_way_of_writing_is_the_same_moment(way: int) -> None:
    text = written(AS_OF, way)
    assert normalise({"NgayTiepNhan": text}, ZONE) == {"NgayTiepNhan": "20240925080000"}
    moment = moment_of(text)
    assert moment and moment.replace(microsecond=0) == AS_OF


def test_the_pipeline_rejects_what_was_planted_and_nothing_else(units: list[Unit], made: FeedbackCases) -> None:
    book, spec = rules_for("feedback", "feedback_case"), load_spec("feedback_case")
    reference = ReferenceIndex.build([(u.code, u.valid_from, u.valid_to) for u in units], [])
    shaped = shape([normalise(r, ZONE) for r in made.records], spec, first_row=1, hash_key=b"k" * 32)
    latest = to_stamp(AS_OF + timedelta(hours=1), ZONE)
    table = feedback_table(shaped.columns, shaped.dates, shaped.unreadable_dates, reference, latest)
    verdict = Judge(book)(table, np.zeros(len(shaped), dtype=bool))
    broken = [[rule for rule, rows in verdict.broken.items() if rows[place]] for place in range(len(shaped))]
    assert Counter(rule for rules in broken for rule in rules) == made.planted
    assert sum(map(bool, broken)) == sum(made.planted.values())


@pytest.fixture
def server(made: FeedbackCases) -> Iterator[FeedbackServer]:
    with FeedbackServer(made.records, KEY, requests_per_second=0) as server:
        yield server


def get(server: FeedbackServer, key: str = KEY, path: str = "/api/feedback", **parameters: Any) -> httpx.Response:
    with httpx.Client(base_url=server.url, trust_env=False, verify=False, timeout=5) as http:
        return http.get(path, params={"changed_since": ALL, **parameters}, headers={"X-API-Key": key})


def test_pages_are_newest_first_and_whole(server: FeedbackServer, made: FeedbackCases) -> None:
    first = get(server).json()
    assert (len(first["items"]), first["page"], first["pages"]) == (100, 1, -(-len(made.records) // 100))
    items = [i for page in range(1, 6) for i in get(server, page=page, page_size=150).json()["items"]]
    assert sorted(map(str, items)) == sorted(map(str, made.records))
    moments = [m for i in items if (m := moment_of(i["NgayCapNhat"]))]
    assert moments == sorted(moments, reverse=True)
    assert get(server, page=9).json() == {"items": [], "page": 9, "pages": first["pages"]}


def test_changed_since_reads_offsets_and_local_times(server: FeedbackServer) -> None:
    counts = [
        len(get(server, changed_since=since, page_size=200).json()["items"])
        for since in ("2024-09-20T00:00:00", "2024-09-20T00:00:00+07:00", "2024-09-19T17:00:00Z")
    ]
    assert 0 < counts[0] < 200 and counts == [counts[0]] * 3
    newest = get(server, page_size=1).json()["items"][0]["NgayCapNhat"]
    assert newest in [i["NgayCapNhat"] for i in get(server, changed_since=newest).json()["items"]]


def test_a_change_a_new_case_and_a_withdrawal(server: FeedbackServer, made: FeedbackCases) -> None:
    count = len(server.cases)
    old = made.records[7]
    server.cases.commit(
        [{**old, "NgayCapNhat": "2024-09-25T09:00:00"}, {"MaPAKN": "new", "NgayCapNhat": "2024-09-25T09:01:00"}]
    )
    items = get(server, page_size=2).json()["items"]
    assert [i["MaPAKN"] for i in items] == ["new", old["MaPAKN"]] and len(server.cases) == count + 1
    server.cases.withdraw("new")
    assert get(server, page_size=1).json()["items"][0]["MaPAKN"] == old["MaPAKN"]


@pytest.mark.parametrize(
    ("key", "path", "parameters", "status"),
    [
        ("wrong", "/api/feedback", {}, 401),
        (KEY, "/elsewhere", {}, 404),
        (KEY, "/api/feedback", {"changed_since": "soon"}, 400),
        (KEY, "/api/feedback", {"page": 0}, 400),
        (KEY, "/api/feedback", {"page_size": 201}, 400),
    ],
)
def test_refusals(server: FeedbackServer, key: str, path: str, parameters: dict[str, Any], status: int) -> None:
    assert get(server, key, path, **parameters).status_code == status


def test_the_sixth_request_in_a_second_is_refused(made: FeedbackCases) -> None:
    with FeedbackServer(made.records[:5], KEY) as server:
        answers = [get(server) for _ in range(6)]
        assert [a.status_code for a in answers] == [200] * 5 + [429] and answers[5].headers["Retry-After"] == "1"
        time.sleep(1.05)
        assert get(server).status_code == 200


def test_faults_repeat_and_pass() -> None:
    faults = FeedbackFaults(seed=5, rate=1)
    players = [FeedbackFaultPlayer(faults), FeedbackFaultPlayer(faults)]
    played = [[p.for_request(f"q{n}") for n in range(len(KINDS))] for p in players]
    assert played[0] == played[1] and set(played[0]) == set(KINDS)
    assert players[0].for_request(f"q{len(KINDS) - 1}") is None
    with pytest.raises(ValueError, match="no such fault"):
        FeedbackFaults(kinds=("strike",))
    with pytest.raises(ValueError, match="rate is a share"):
        FeedbackFaults(rate=2)


def test_a_port_that_is_taken_is_said() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"cannot listen on 127.0.0.1:{port}"):
            FeedbackServer([], KEY, port).start()
