from __future__ import annotations

import gc
import json
import logging
import threading
import time
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from fake_one_stop import (
    CLIENT_ID,
    CLIENT_SECRET,
    Action,
    FakeTime,
    Handler,
    OneStopServer,
    answers,
    cut_short,
    cut_short_unnoticed,
    drip,
    hang_up,
    login_page,
    never_answer,
    page,
    source,
)
from onestop.errors import ConfigurationError, SourceUnavailable
from onestop.sources import http as http_module
from onestop.sources.one_stop_api import OneStopApi

RANGE = ("20240901000000", "20240925080001")
Connect = Callable[..., OneStopApi]


def codes(api: OneStopApi) -> list[str]:
    return [record["MaHoSo"] for page in api.pages(*RANGE) for record in page.records]


def everything(server: OneStopServer) -> list[str]:
    return [str(record["MaHoSo"]) for record in server.records]


def test_pages_are_the_bytes_received_and_their_records_in_order(server: OneStopServer, connect: Connect) -> None:
    pages = list(connect().pages(*RANGE))
    assert [p.number for p in pages] == [1, 2, 3]
    assert [r for p in pages for r in p.records] == server.records
    assert pages[0].body == page(server.records[:4], "c4")
    assert server.token_requests == 1
    assert server.last_query == {"updated_from": RANGE[0], "updated_to": RANGE[1], "limit": "4", "cursor": "c8"}


def test_the_rate_of_province_yml_is_kept_token_requests_included(
    server: OneStopServer, connect: Connect, fake_time: FakeTime
) -> None:
    assert codes(connect(requests_per_second=0.5)) == everything(server)
    assert len(fake_time.waits) == 3  # a token and three pages, none within 2 s of the one before
    assert all(1.5 < wait < 2.1 for wait in fake_time.waits)


def test_nothing_is_asked_before_the_first_page_is_wanted(server: OneStopServer, connect: Connect) -> None:
    connect().pages(*RANGE).close()
    assert server.token_requests == server.page_requests == 0


def test_short_empty_and_repeated_pages_do_not_end_the_feed(server: OneStopServer, connect: Connect) -> None:
    r = server.records
    plan = [page(r[:1], "a"), page([], "b"), page(r[:1], "b"), page(r[:3], "c"), page([], None)]
    server.faults = {n: answers(200, body) for n, body in enumerate(plan, 1)}
    assert codes(connect()) == [r[0]["MaHoSo"], r[0]["MaHoSo"], *everything(server)[:3]]
    assert server.page_requests == 5


@pytest.mark.parametrize(
    "fault",
    [
        answers(500),
        answers(502, "<html><title>Bad gateway</title></html>", "text/html"),
        answers(503),
        answers(408),
        answers(425),
        answers(429),
        answers(302, Location="/login"),
        answers(204),
        login_page,
        answers(200, "{"),
        answers(200, ""),
        answers(200, '{"error": "busy"}'),
        answers(200, '{"data": [1], "next_cursor": null}'),
        answers(200, '{"data": [{"Gia": NaN}], "next_cursor": null}'),
        answers(200, b"not gzip", Content_Encoding="gzip"),
        hang_up,
        cut_short,
        cut_short_unnoticed,
    ],
    ids=lambda action: getattr(action, "__name__", None),
)
@pytest.mark.parametrize("at", [1, 3])
def test_a_passing_fault_leaves_no_trace_in_the_data(
    server: OneStopServer, connect: Connect, fake_time: FakeTime, fault: Action, at: int
) -> None:
    server.faults = {at: fault, at + 1: fault}
    assert codes(connect()) == everything(server)
    assert len(fake_time.waits) == 2 and server.page_requests == 5


@pytest.mark.parametrize("fault", [answers(503), login_page, hang_up, cut_short, answers(200, "{}"), answers(429)])
def test_token_requests_are_retried_too(
    server: OneStopServer, connect: Connect, fake_time: FakeTime, fault: Action
) -> None:
    server.token_faults = {1: fault, 2: fault}
    assert codes(connect()) == everything(server)
    assert len(fake_time.waits) == 2 and server.token_requests == 3


@pytest.mark.parametrize(
    "fault",
    [
        never_answer,
        drip(b"HTTP/1.1 200 OK\r\nX-Slow: "),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
    ],
    ids=["never", "headers", "body", "endless body"],
)
def test_an_answer_that_does_not_come_or_does_not_end_is_cut_off(
    server: OneStopServer, connect: Connect, fault: Action
) -> None:
    server.faults = {2: fault}
    started = time.monotonic()
    assert codes(connect(timeout_seconds=0.2)) == everything(server)
    assert time.monotonic() - started < 5
    assert server.page_requests == 4


def test_a_source_that_never_answers_is_given_up(server: OneStopServer, connect: Connect) -> None:
    server.every_request = drip(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    with pytest.raises(SourceUnavailable, match=r"igate, page 1: last seen: no whole answer within 0.4 s"):
        codes(connect(timeout_seconds=0.1, retry_budget_seconds=1))


def test_nobody_listens(server: OneStopServer, connect: Connect) -> None:
    with pytest.raises(SourceUnavailable, match=r"igate, the token request: last seen: cannot connect"):
        codes(connect(base_url="http://127.0.0.1:1", retry_budget_seconds=2))


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry_After": "7"}, 7),
        ({"Retry_After": "Wed, 25 Sep 2024 01:01:30 GMT", "Date": "Wed, 25 Sep 2024 01:00:00 GMT"}, 90),
        ({"Retry_After": "Wed, 25 Sep 2024 01:01:30 GMT"}, 60),  # by this machine's clock: see `now` below
        ({"Retry_After": "3600"}, 300),
        ({"Retry_After": "in a while"}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_the_wait_that_the_server_asks_for(
    server: OneStopServer, fake_time: FakeTime, headers: dict[str, str], wait: float | None, status: int
) -> None:
    server.faults = {2: answers(status, **headers)}
    api = OneStopApi(
        source(server),
        CLIENT_ID,
        CLIENT_SECRET,
        sleep=fake_time.sleep,
        monotonic=fake_time.monotonic,
        now=lambda: datetime(2024, 9, 25, 1, 0, 30, tzinfo=UTC),
    )
    assert codes(api) == everything(server)
    if wait is None:
        assert len(fake_time.waits) == 1 and 0 <= fake_time.waits[0] <= 0.5
    else:
        assert fake_time.waits == [wait]


def test_the_budget_ends_a_broken_feed_with_what_was_seen(
    server: OneStopServer, connect: Connect, fake_time: FakeTime
) -> None:
    server.faults = {n: answers(503, "<title>Bảo trì</title>", "text/html") for n in range(3, 500)}
    with pytest.raises(SourceUnavailable) as caught:
        codes(connect(retry_budget_seconds=60))
    assert sum(fake_time.waits) == pytest.approx(60)
    message = str(caught.value)
    assert "source igate, page 3: last seen: status 503, text/html, titled 'Bảo trì'" in message
    assert "budget of 60 s" in message and "Next step" in message


def test_a_login_page_is_named_and_not_quoted(server: OneStopServer, connect: Connect) -> None:
    server.every_request = login_page
    with pytest.raises(SourceUnavailable) as caught:
        codes(connect(retry_budget_seconds=5))
    message = str(caught.value)
    assert "page 1: answers a login page instead of data" in message
    assert "titled 'Đăng nhập hệ thống & SSO'" in message
    assert "the base_url or the network's proxy" in message
    assert "Nguyễn" not in message and "0401" not in message


def test_a_redirect_is_a_login_page_and_not_followed(server: OneStopServer, connect: Connect) -> None:
    server.every_token_request = answers(302, Location="/v1/dossiers")
    with pytest.raises(SourceUnavailable, match=r"the token request: answers a login page .*status 302.* a redirect"):
        codes(connect(retry_budget_seconds=1))
    assert server.page_requests == 0


def test_json_of_another_shape_names_what_is_missing(server: OneStopServer, connect: Connect) -> None:
    server.every_request = answers(200, '{"HoTen": "Nguyễn Văn A"}')
    with pytest.raises(SourceUnavailable, match="application/json: data or next_cursor is missing") as caught:
        codes(connect(retry_budget_seconds=1))
    assert "Nguyễn" not in str(caught.value)


def test_wrong_credentials_are_final_and_asked_once(
    server: OneStopServer, connect: Connect, fake_time: FakeTime
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        codes(connect(secret="wrong-secret-91"))
    assert (server.token_requests, server.page_requests, fake_time.waits) == (1, 0, [])
    message = str(caught.value)
    assert "igate" in message and "IGATE_CLIENT_ID and IGATE_CLIENT_SECRET" in message
    assert "wrong-secret-91" not in message and CLIENT_ID not in message


def test_a_token_is_renewed_before_it_expires(server: OneStopServer, connect: Connect, fake_time: FakeTime) -> None:
    server.token_life = 100

    def late(handler: Handler) -> None:
        fake_time.seconds += 95
        handler.serve(handler.server.last_query)

    server.faults = {1: late}
    assert codes(connect()) == everything(server)
    assert (server.token_requests, server.page_requests) == (2, 3)  # no request was answered 401


def test_a_token_that_expires_during_a_wait_is_renewed(server: OneStopServer, connect: Connect) -> None:
    server.token_life = 60
    server.faults = {2: answers(503, Retry_After="120")}
    assert codes(connect()) == everything(server)
    assert (server.token_requests, server.page_requests) == (2, 4)


def test_a_token_that_the_source_forgot_is_renewed(server: OneStopServer, connect: Connect) -> None:
    def forget(handler: Handler) -> None:
        handler.server.token = "revoked"
        handler.serve(handler.server.last_query)

    server.faults = {2: forget, 4: forget}
    assert codes(connect()) == everything(server)
    assert (server.token_requests, server.page_requests) == (3, 5)


@pytest.mark.parametrize("life", [0, 1, "60"])
def test_a_short_life_still_serves_one_request(server: OneStopServer, connect: Connect, life: object) -> None:
    server.token_life = life  # type: ignore[assignment]
    assert codes(connect()) == everything(server)


def test_401_with_a_new_token_is_final(server: OneStopServer, connect: Connect, fake_time: FakeTime) -> None:
    server.every_request = answers(401)
    with pytest.raises(ConfigurationError, match="igate, page 1: status 401 also with a new access token"):
        codes(connect())
    assert (server.token_requests, server.page_requests, fake_time.waits) == (2, 2, [])


@pytest.mark.parametrize("status", [400, 403, 404, 410, 422])
def test_refusals_are_final(server: OneStopServer, connect: Connect, fake_time: FakeTime, status: int) -> None:
    server.every_request = answers(status)
    with pytest.raises(ConfigurationError, match=rf"igate, page 1: refused, status {status}"):
        codes(connect())
    server.every_request, server.page_requests, server.faults = None, 0, {2: answers(status)}
    with pytest.raises(SourceUnavailable, match=rf"igate, page 2: refused, status {status}"):
        codes(connect())
    assert fake_time.waits == []


def test_a_loop_ends(server: OneStopServer, connect: Connect, fake_time: FakeTime) -> None:
    body = {n: page(server.records[n : n + 1], f"personal-{n % 3}") for n in range(3)}
    server.every_request = lambda handler: handler.answer(200, body[handler.server.page_requests % 3])
    with pytest.raises(SourceUnavailable, match=r"page loop at the cursor with SHA-256") as caught:
        codes(connect())
    assert server.page_requests < 20 and fake_time.waits == [] and "personal" not in str(caught.value)


def test_a_body_without_end_is_refused(
    server: OneStopServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        http_module.HttpClient.__init__,
        "__kwdefaults__",
        {
            **(http_module.HttpClient.__init__.__kwdefaults__ or {}),
            "max_body_bytes": 2**20,
        },
    )
    server.every_request = answers(200, b" " * (2**20 + 1))
    with pytest.raises(SourceUnavailable, match="igate, page 1: an answer is larger than 1 MB"):
        codes(connect())
    assert server.page_requests == 1


@pytest.mark.parametrize("url", ["http://user:pass@127.0.0.1:1", "http://[::1"])
def test_addresses_that_are_none(server: OneStopServer, connect: Connect, url: str) -> None:
    with pytest.raises(ConfigurationError, match="igate: base_url") as caught:
        connect(base_url=url).pages(*RANGE)
    assert "pass@" not in str(caught.value)


def test_a_prefix_of_the_address_is_kept(server: OneStopServer, connect: Connect) -> None:
    paths: list[str] = []

    def see(handler: Handler) -> None:
        paths.append(handler.path.partition("?")[0])
        handler.serve(handler.server.last_query)

    server.every_request = see
    codes(connect(base_url=server.url + "/igate/"))
    assert paths == ["/igate/v1/dossiers"] * 3


def test_the_networks_proxy_is_not_asked_for_loopback(
    server: OneStopServer, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    assert codes(connect()) == everything(server)


def test_logs_hold_no_secret_no_cursor_and_no_body(
    server: OneStopServer, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    server.faults = {2: answers(503, '{"HoTen": "Nguyễn Văn A"}'), 3: login_page}
    with caplog.at_level(logging.DEBUG):
        codes(connect())
    assert "igate, page 2: status 503, application/json; next try in" in caplog.text
    for secret in (CLIENT_SECRET, CLIENT_ID, "token-1", "Nguyễn", "cursor=", "H15.07"):
        assert secret not in caplog.text


@pytest.mark.parametrize("where", ["request", "wait"])
def test_stopping_interrupts_a_request_and_a_wait(server: OneStopServer, where: str) -> None:
    blocked = threading.Event()

    def block(handler: Handler) -> None:
        blocked.set()
        if where == "request":
            return never_answer(handler)
        handler.answer(503, "", Retry_After="250")

    server.faults = {2: block}
    feed = OneStopApi(source(server, timeout_seconds=60), CLIENT_ID, CLIENT_SECRET).pages(*RANGE)
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
    assert not reader.is_alive() and isinstance(caught[0], SourceUnavailable) and server.page_requests == 2


def test_memory_does_not_grow_with_the_number_of_pages(server: OneStopServer, connect: Connect) -> None:
    text = "x" * 2000

    def endless(handler: Handler) -> None:
        n = handler.server.page_requests
        records = [{"MaHoSo": f"{n}-{i}", "text": text} for i in range(5)]
        handler.answer(200, json.dumps({"data": records, "next_cursor": f"c{n}" if n < 2000 else None}))

    server.every_request = endless
    peaks: list[int] = []
    try:
        for got in connect().pages(*RANGE):
            if got.number == 800:
                tracemalloc.start()
            elif got.number in (1000, 2000):
                gc.collect()
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert len(peaks) == 2 and peaks[1] < peaks[0] * 1.3  # a thousand pages are 10 MB, the first peak is below 1
    assert peaks[0] < 2**20
