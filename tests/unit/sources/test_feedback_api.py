"""The connector of the feedback system against scripted answers and against the sandbox's server."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from zoneinfo import ZoneInfo

import pytest

from fake_one_stop import (
    Action,
    FakeTime,
    Handler,
    OneStopServer,
    answers,
    cut_short_unnoticed,
    hang_up,
    login_page,
    never_answer,
)
from onestop.errors import ConfigurationError, SourceUnavailable
from onestop.sandbox.feedback_faults import KINDS, FeedbackFaults
from onestop.sandbox.feedback_server import FeedbackServer
from onestop.sources.feedback_api import FeedbackApi, parse_page
from onestop.sources.paging import ForeignBodyError

KEY = "k3y-of-pakn"
ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
SINCE, UNTIL = "1970-01-01T00:00:00Z", "20240925080001"
START = datetime(2024, 6, 15, 8, tzinfo=UTC)
Connect = Callable[..., FeedbackApi]


def cases(count: int, first: int = 0) -> list[dict[str, Any]]:
    return [
        {
            "MaPAKN": f"PAKN.{n:05d}",
            "NgayCapNhat": (START + timedelta(minutes=n)).isoformat(),
            "HoTen": "Nguyễn Văn A",
        }
        for n in range(first, first + count)
    ]


class _Scripted(Handler):
    def serve(self, query: dict[str, str]) -> None:
        self.server.keys.append(self.headers["X-API-Key"])
        if self.headers["X-API-Key"] != KEY or urlsplit(self.path).path != "/api/feedback":
            return self.answer(401, '{"error": "unknown key"}')
        records = self.server.records
        page, size = int(query["page"]), int(query["page_size"])
        items = records[(page - 1) * size : page * size]
        self.answer(200, json.dumps({"items": items, "page": page, "pages": -(-len(records) // size)}))


class _Server(OneStopServer):
    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = _Scripted
        self.records = cases(50)[::-1]
        self.keys: list[str] = []


@pytest.fixture
def scripted() -> Iterator[_Server]:
    server = _Server()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.ending.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def connect_feedback(scripted: _Server, fake_time: FakeTime) -> Connect:
    def make(key: str = KEY, url: str | None = None, **settings: Any) -> FeedbackApi:
        given = {
            "credentials": "PAKN",
            "zone": ZONE,
            "page_size": 20,
            "timeout_seconds": 5,
            "sleep": fake_time.sleep,
            "monotonic": fake_time.monotonic,
            **settings,
        }
        return FeedbackApi("pakn", url or scripted.url, key, **given)

    return make


def codes(api: FeedbackApi) -> set[str]:
    return {r["MaPAKN"] for page in api.pages(SINCE, UNTIL) for r in page.records}


def everything(server: _Server) -> set[str]:
    return {str(r["MaPAKN"]) for r in server.records}


def test_answers_are_numbered_pages_of_the_bytes_received(scripted: _Server, connect_feedback: Connect) -> None:
    pages = list(connect_feedback().pages(SINCE, UNTIL))
    assert [p.number for p in pages] == list(range(1, len(pages) + 1))
    assert {r["MaPAKN"] for p in pages for r in p.records} == everything(scripted)
    for page in pages:
        records, place = parse_page(page.body)
        assert records == page.records and place.pages >= place.page
    assert set(scripted.keys) == {KEY}


def test_the_first_request_is_the_contracts(scripted: _Server, connect_feedback: Connect) -> None:
    feed = connect_feedback(page_size=200).pages(SINCE, UNTIL)
    assert scripted.page_requests == 0
    assert len(list(feed)) == 1
    assert scripted.last_query == {"changed_since": SINCE, "page": "1", "page_size": "200"}


def test_an_empty_list(scripted: _Server, connect_feedback: Connect) -> None:
    scripted.records = []
    assert codes(connect_feedback()) == set() and scripted.page_requests == 1


def test_what_changed_later_than_until_is_no_time_to_go_by(scripted: _Server, connect_feedback: Connect) -> None:
    scripted.records[0]["NgayCapNhat"] = "2034-01-01T00:00:00Z"
    scripted.records[1]["NgayCapNhat"] = "hôm qua"
    assert codes(connect_feedback()) == everything(scripted)
    assert scripted.last_query["changed_since"] == "2024-06-15T08:46:59Z"


@pytest.mark.parametrize(
    "fault",
    [
        answers(500),
        answers(502, "<html><title>Bad gateway</title></html>", "text/html"),
        answers(503),
        answers(429),
        answers(302, Location="/login"),
        login_page,
        answers(200, "{"),
        answers(200, ""),
        answers(200, '{"error": "he thong ban"}'),
        answers(200, '{"error": "API key rate limit exceeded"}'),
        answers(200, '{"error": {"code": 17}, "items": [], "page": 1, "pages": 0}'),
        answers(200, '{"items": [], "page": 1}'),
        answers(200, '{"items": [1], "page": 1, "pages": 1}'),
        answers(200, '{"items": [], "page": "1", "pages": 1}'),
        answers(200, '{"items": [], "page": 1, "pages": true}'),
        answers(200, '{"items": [], "page": 0, "pages": 0}'),
        answers(200, '{"items": [], "page": 1, "pages": 9}'),
        answers(200, '{"items": [{}], "page": 9, "pages": 9}'),
        answers(200, '{"items": [{}], "page": 2, "pages": 1}'),
        hang_up,
        cut_short_unnoticed,
    ],
    ids=lambda action: getattr(action, "__name__", None),
)
@pytest.mark.parametrize("at", [1, 3])
def test_a_passing_fault_leaves_no_trace_in_the_data(
    scripted: _Server, connect_feedback: Connect, fake_time: FakeTime, fault: Action, at: int
) -> None:
    quiet = len(list(connect_feedback().pages(SINCE, UNTIL)))
    scripted.page_requests, fake_time.waits[:] = 0, []
    scripted.faults = {at: fault, at + 1: fault}
    assert codes(connect_feedback()) == everything(scripted)
    assert scripted.page_requests == quiet + 2


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "Wed, 25 Sep 2024 01:01:30 GMT", "Date": "Wed, 25 Sep 2024 01:00:00 GMT"}, 90),
        ({"Retry_After": "Wed, 25 Sep 2024 01:01:30 GMT"}, 60),
    ],
)
def test_the_wait_that_the_server_asks_for(
    scripted: _Server, connect_feedback: Connect, fake_time: FakeTime, headers: dict[str, str], wait: float
) -> None:
    scripted.faults = {2: answers(429, **headers)}
    assert codes(connect_feedback(now=lambda: datetime(2024, 9, 25, 1, 0, 30, tzinfo=UTC))) == everything(scripted)
    assert wait in fake_time.waits


@pytest.mark.parametrize("at", [1, 2])
@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        (answers(401), "status 401"),
        (answers(403, "<html></html>", "text/html"), "status 403"),
        (answers(200, '{"error": "Invalid API key k3y-of-pakn"}'), "status 200 with an error about the key"),
        (answers(200, '{"error": {"code": 401, "message": "x"}}'), "status 200 with an error about the key"),
        (answers(200, '{"error": "Khóa truy cập không hợp lệ"}'), "status 200 with an error about the key"),
    ],
)
def test_a_refused_key_is_final_and_names_its_variable(
    scripted: _Server, connect_feedback: Connect, fault: Action, seen: str, at: int
) -> None:
    scripted.faults = {at: fault}
    with pytest.raises(ConfigurationError, match=f"source pakn, page .: refuses the API key .{seen}") as caught:
        codes(connect_feedback())
    assert scripted.page_requests == at
    assert "PAKN_API_KEY" in str(caught.value) and KEY not in str(caught.value)


def test_a_wrong_key_is_asked_once(scripted: _Server, connect_feedback: Connect) -> None:
    with pytest.raises(ConfigurationError, match="PAKN_API_KEY"):
        codes(connect_feedback("another"))
    assert scripted.page_requests == 1


@pytest.mark.parametrize("key", ["", " x", "x\n", "khóa"])
def test_keys_that_cannot_be_sent(connect_feedback: Connect, key: str) -> None:
    with pytest.raises(ConfigurationError, match="PAKN_API_KEY is empty or holds characters") as caught:
        connect_feedback(key)
    assert "khóa" not in str(caught.value)


@pytest.mark.parametrize("size", [0, 19, 201])
def test_page_sizes_out_of_range(connect_feedback: Connect, size: int) -> None:
    with pytest.raises(ConfigurationError, match=f"source pakn: page_size is {size}"):
        connect_feedback(page_size=size)


@pytest.mark.parametrize("status", [400, 404, 410])
def test_refusals_are_final(scripted: _Server, connect_feedback: Connect, status: int) -> None:
    scripted.every_request = answers(status)
    with pytest.raises(ConfigurationError, match=rf"pakn, page 1: refused, status {status}"):
        codes(connect_feedback())
    scripted.every_request, scripted.page_requests, scripted.faults = None, 0, {2: answers(status)}
    with pytest.raises(SourceUnavailable, match=rf"pakn, page 2: refused, status {status}"):
        codes(connect_feedback())


def test_the_budget_ends_and_nothing_personal_is_said(
    scripted: _Server, connect_feedback: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    scripted.every_request = answers(200, '{"error": "Nguyễn Văn A 0912345678"}')
    with caplog.at_level(logging.DEBUG), pytest.raises(SourceUnavailable) as caught:
        codes(connect_feedback(retry_budget_seconds=30))
    message = str(caught.value)
    assert "pakn, page 1: last seen: status 200, application/json: an error instead of a page" in message
    for secret in ("Nguyễn", "0912345678", KEY):
        assert secret not in message + caplog.text


@pytest.mark.parametrize("where", ["request", "wait"])
def test_stopping_interrupts_a_request_and_a_wait(scripted: _Server, connect_feedback: Connect, where: str) -> None:
    blocked = threading.Event()

    def block(handler: Handler) -> None:
        blocked.set()
        if where == "request":
            return never_answer(handler)
        handler.answer(503, "", Retry_After="250")

    scripted.faults = {2: block}
    feed = connect_feedback(sleep=None, monotonic=time.monotonic, timeout_seconds=60).pages(SINCE, UNTIL)
    next(feed)
    caught: list[BaseException] = []

    def read() -> None:
        try:
            next(feed)
        except BaseException as problem:
            caught.append(problem)

    reader = threading.Thread(target=read)
    reader.start()
    assert blocked.wait(5)
    feed.stop()
    reader.join(5)
    assert not reader.is_alive() and isinstance(caught[0], SourceUnavailable)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"items": {}, "page": 1, "pages": 1}', b'{"error": "x"}'])
def test_bodies_that_are_no_page(body: bytes) -> None:
    with pytest.raises(ForeignBodyError):
        parse_page(body)


def test_an_error_that_is_null_is_none() -> None:
    assert parse_page(b'{"error": null, "items": [{"a": "\\ud800"}], "page": 1, "pages": 1}') == ([{"a": "�"}], (1, 1))


def test_all_faults_of_the_sandbox_and_a_list_that_shifts_at_every_request(fake_time: FakeTime) -> None:
    fresh = iter(cases(10_000, first=400))

    def between(server: FeedbackServer) -> None:
        """One comes, an old one changes, and the newest but one is withdrawn."""
        new = next(fresh)
        listed = server.cases.since(START)
        server.cases.withdraw(listed[1]["MaPAKN"])
        server.cases.commit([new, {**listed[-1], "NgayCapNhat": new["NgayCapNhat"]}])

    faults = FeedbackFaults(seed=3, rate=0.5, retry_after_seconds=0, hang_seconds=0.2)
    with FeedbackServer(cases(400), KEY, faults=faults, requests_per_second=0, between=between) as server:
        api = FeedbackApi(
            *("pakn", server.url, KEY), credentials="PAKN", zone=ZONE, page_size=20, timeout_seconds=5,
            retry_budget_seconds=3000, sleep=fake_time.sleep, monotonic=fake_time.monotonic,
        )  # fmt: skip
        seen: dict[str, set[str]] = {}
        untouched = {c["MaPAKN"]: c["NgayCapNhat"] for c in cases(400)}
        for page in api.pages(SINCE, "20990101000000"):
            for record in page.records:
                seen.setdefault(record["MaPAKN"], set()).add(record["NgayCapNhat"])
        now = {c["MaPAKN"]: c["NgayCapNhat"] for c in server.cases.since(START)}
        kept = {code for code, changed in now.items() if untouched.get(code) == changed}
        assert len(kept) > 200 and all(untouched[code] in seen[code] for code in kept)
        # The last answer was one page: all but what `between` did after it was seen.
        assert len([code for code, changed in now.items() if changed not in seen.get(code, ())]) <= 2
        assert len([name for name in server.outcomes if name.startswith("fault:")]) > 5
        assert 20 < server.outcomes["page"] < 120


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_of_the_sandbox(fake_time: FakeTime, kind: str) -> None:
    faults = FeedbackFaults(rate=1, kinds=(kind,), retry_after_seconds=0, hang_seconds=0.05)
    with FeedbackServer(cases(60), KEY, faults=faults, requests_per_second=0) as server:
        api = FeedbackApi(
            *("pakn", server.url, KEY), credentials="PAKN", zone=ZONE, page_size=20, timeout_seconds=5,
            retry_budget_seconds=300, sleep=fake_time.sleep, monotonic=fake_time.monotonic,
        )  # fmt: skip
        assert len(codes(api)) == 60
        assert server.outcomes[f"fault:{kind}"] >= 4


def test_the_rate_limit_of_a_real_server_is_never_met() -> None:
    with FeedbackServer(cases(200), KEY) as server:
        started = time.monotonic()
        assert len(codes(FeedbackApi("pakn", server.url, KEY, credentials="PAKN", zone=ZONE, page_size=20))) == 200
        spent = time.monotonic() - started
        assert server.outcomes["429"] == 0 and server.outcomes["page"] / 5 - 1 < spent < server.outcomes["page"] / 4


def test_offsets_in_the_parameter_reach_the_server_whole(scripted: _Server, connect_feedback: Connect) -> None:
    queries: list[str] = []

    def see(handler: Handler) -> None:
        queries.append(parse_qs(urlsplit(handler.path).query)["changed_since"][0])
        _Scripted.serve(handler, handler.server.last_query)  # type: ignore[arg-type]

    scripted.every_request = see
    list(connect_feedback(page_size=200).pages("2024-06-15T08:00:00+07:00", UNTIL))
    assert queries == ["2024-06-15T08:00:00+07:00"]
