"""The sandbox server as a raw client sees it: the contract, every fault of x-behaviour, and a way through all of them."""

from __future__ import annotations

import base64
import json
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onestop.errors import ConfigurationError
from onestop.sandbox.faults import ERRORS, KINDS, SHAPES, FaultPlan
from onestop.sandbox.feed import Feed, Record, read_jsonl
from onestop.sandbox.server import OneStopServer

FROM, TO = "20240101000000", "20250101000000"
START = datetime(2024, 6, 15, 8, tzinfo=UTC)


def dossiers(count: int, seconds: int = 1) -> list[dict[str, Any]]:
    return [
        {
            "MaHoSo": f"H15.07-240615-{i:04d}",
            "NgayCapNhat": (START + timedelta(seconds=i * seconds)).strftime("%Y%m%d%H%M%S"),
        }
        for i in range(count)
    ]


class Client:
    """A robust client in few lines: renews tokens, waits when told, asks again whatever went wrong."""

    def __init__(self, server: OneStopServer, timeout: float = 5) -> None:
        self.http = httpx.Client(base_url=server.url, timeout=timeout, trust_env=False)
        self.token = ""
        self.failures: list[str] = []

    def renew(self) -> None:
        form = {"client_id": "a", "client_secret": "b", "grant_type": "client_credentials"}
        for _ in range(5):
            answer = self.http.post("/oauth2/token", data=form)
            if answer.status_code == 200:
                self.token = answer.json()["access_token"]
                return
        raise AssertionError("no token")

    def ask(self, **parameters: Any) -> httpx.Response:
        if not self.token:
            self.renew()
        query = {"updated_from": FROM, "updated_to": TO, **parameters}
        return self.http.get("/v1/dossiers", params=query, headers={"Authorization": f"Bearer {self.token}"})

    def page(self, **parameters: Any) -> dict[str, Any]:
        for _ in range(20):
            try:
                answer = self.ask(**parameters)
                if answer.status_code == 200:
                    content: dict[str, Any] = answer.json()
                    return content
                self.failures.append(str(answer.status_code))
                if answer.status_code == 401:
                    self.renew()
                elif answer.status_code == 429 and answer.headers["Retry-After"].isdigit():
                    time.sleep(int(answer.headers["Retry-After"]))
            except (httpx.HTTPError, ValueError) as problem:
                self.failures.append(type(problem).__name__)
        raise AssertionError(f"no page after 20 attempts: {self.failures[-20:]}")

    def pages(self, **parameters: Any) -> Iterator[list[dict[str, Any]]]:
        page = self.page(**parameters)
        yield page["data"]
        while page["next_cursor"] is not None:
            page = self.page(cursor=page["next_cursor"], **parameters)
            yield page["data"]

    def everything(self, **parameters: Any) -> list[dict[str, Any]]:
        return [record for page in self.pages(**parameters) for record in page]


def serving(count: int = 30, plan: FaultPlan | None = None, **options: Any) -> OneStopServer:
    return OneStopServer(dossiers(count), "a", "b", faults=plan, **options)


def playing(kind: str, **options: Any) -> FaultPlan:
    return FaultPlan(**{"rate": 1.0, "kinds": (kind,), "limit": 1, "token_errors": 0, "hang_seconds": 30, **options})


def test_pages_are_ordered_and_complete() -> None:
    records = dossiers(25)
    with OneStopServer(reversed(records), "a", "b") as server:
        client = Client(server)
        pages = list(client.pages(limit=10))
        assert [len(p) for p in pages] == [10, 10, 5]
        assert [r for p in pages for r in p] == records
        assert client.page(limit=10)["total"] == 25
        assert server.outcomes["page"] == 4
        assert server.records_served == 35


@given(
    stamps=st.lists(st.integers(0, 20), max_size=40),
    first=st.integers(0, 21),
    last=st.integers(0, 21),
    limit=st.integers(1, 7),
    hidden=st.integers(0, 5),
)
def test_paging_visits_every_visible_record_of_the_half_open_range_once(
    stamps: list[int], first: int, last: int, limit: int, hidden: int
) -> None:
    def stamp(n: int) -> str:
        return f"2024010108{n:02d}00"

    feed = Feed([Record(stamp(n), f"H15-{n}", str(i).encode()) for i, n in enumerate(stamps)])
    held = feed.hold_back(hidden, seed=1)
    seen: list[bytes] = []
    part = feed.slice(stamp(first), stamp(last), limit, None)
    seen += part.bodies
    while part.after is not None:
        part = feed.slice(stamp(first), stamp(last), limit, part.after)
        seen += part.bodies
    wanted = [str(i).encode() for i, n in sorted(enumerate(stamps), key=lambda e: e[1]) if first <= n < last]
    assert len(seen) == len(set(seen)) == part.total
    assert len(wanted) - held <= len(seen) <= len(wanted)
    feed.release()
    assert feed.slice(stamp(first), stamp(last), 1000, None).bodies == wanted


def test_equal_moments_keep_the_order_of_arrival() -> None:
    twins = [{"MaHoSo": "H15-240615-0001", "NgayCapNhat": "20240615080000", "n": n} for n in range(3)]
    with OneStopServer(twins, "a", "b") as server:
        assert [r["n"] for r in Client(server).everything(limit=1)] == [0, 1, 2]


def test_records_committed_while_paging_do_not_disturb_the_cursor() -> None:
    with serving(20) as server:
        client = Client(server)
        first = client.page(limit=10)
        server.commit([{"MaHoSo": "H15-240615-9999", "NgayCapNhat": "20240102000000", "DaXoa": "1"}])
        rest = client.page(limit=10, cursor=first["next_cursor"])
        assert [r["MaHoSo"] for r in first["data"] + rest["data"]] == [r["MaHoSo"] for r in dossiers(20)]
        assert client.page(limit=1)["data"][0]["DaXoa"] == "1"


@pytest.mark.parametrize(
    "wrong",
    [
        {"updated_from": ""},
        {"updated_from": "2024-01-01"},
        {"updated_to": "2024010100000"},
        {"updated_to": "２０２４０１０１００００００"},
        {"limit": 0},
        {"limit": 1001},
        {"limit": "ten"},
        {"limit": ["5", "6"]},
        {"cursor": "nonsense"},
        {"cursor": base64.urlsafe_b64encode(b"x" * 40).decode()},
        {"cursor": ""},
    ],
)
def test_wrong_parameters_are_400_with_a_reason(wrong: dict[str, Any]) -> None:
    with serving(3) as server:
        answer = Client(server).ask(**wrong)
        assert answer.status_code == 400
        assert answer.json()["error"] == "invalid_request"
        assert server.outcomes["400"] == 1


def test_a_cursor_is_good_for_its_range_only() -> None:
    with serving(10) as server:
        client = Client(server)
        cursor = client.page(limit=2)["next_cursor"]
        assert client.ask(limit=2, cursor=cursor, updated_to="20240701000000").status_code == 400


def test_a_reversed_range_is_empty() -> None:
    with serving(3) as server:
        page = Client(server).page(updated_from=TO, updated_to=FROM)
        assert page == {"data": [], "next_cursor": None, "total": 0}


def test_tokens() -> None:
    with serving(3, token_seconds=0.3) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        good = {"client_id": "a", "client_secret": "b", "grant_type": "client_credentials"}
        assert http.post("/oauth2/token", data={**good, "client_secret": "c"}).status_code == 401
        assert http.post("/oauth2/token", data={**good, "grant_type": "password"}).status_code == 400
        granted = http.post("/oauth2/token", data=good).json()
        assert granted["token_type"] == "Bearer"
        query = {"updated_from": FROM, "updated_to": TO}
        header = {"Authorization": f"Bearer {granted['access_token']}"}
        assert http.get("/v1/dossiers", params=query).status_code == 401
        assert http.get("/v1/dossiers", params=query, headers=header).status_code == 200
        time.sleep(0.35)
        answer = http.get("/v1/dossiers", params=query, headers=header)
        assert answer.status_code == 401
        assert "invalid_token" in answer.headers["WWW-Authenticate"]


def test_other_paths_and_methods() -> None:
    with serving(1) as server, httpx.Client(base_url=server.url, trust_env=False) as http:
        assert http.get("/").status_code == 404
        assert http.get("/oauth2/token").status_code == 405
        assert http.post("/v1/dossiers").status_code == 405
        assert http.put("/v1/dossiers", content=b"x").status_code == 405
        assert http.head("/v1/dossiers").status_code == 405


def test_a_taken_port_is_a_clear_error() -> None:
    with serving(1) as server, pytest.raises(ConfigurationError, match="cannot listen") as caught:
        serving(1, port=int(server.url.rpartition(":")[2])).start()
    assert caught.value.next_step


def test_a_jsonl_file_is_served(tmp_path: Path) -> None:
    path = tmp_path / "feed.jsonl"
    path.write_text("\n".join(json.dumps(d) for d in dossiers(5)) + "\n\n", encoding="utf-8")
    with OneStopServer(read_jsonl(path), "a", "b") as server:
        assert Client(server).everything() == dossiers(5)
    path.write_text('{"MaHoSo": "x"}\n[1]\n', encoding="utf-8")
    with pytest.raises(ConfigurationError, match="line 2"):
        list(read_jsonl(path))
    with pytest.raises(ConfigurationError, match="cannot be read"):
        list(read_jsonl(tmp_path / "absent.jsonl"))


# --- faults, each seen by a client that does nothing about it ----------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("token_expired", 401),
        ("too_many_seconds", 429),
        ("too_many_date", 429),
        ("error_500", 500),
        ("error_502", 502),
        ("error_503", 503),
    ],
)
def test_faults_with_a_status(kind: str, status: int) -> None:
    with serving(5, playing(kind)) as server:
        client = Client(server)
        answer = client.ask()
        assert answer.status_code == status
        assert server.outcomes[f"fault:{kind}"] == 1
        if kind == "too_many_seconds":
            assert answer.headers["Retry-After"] == "1"
        if kind == "too_many_date":
            wait = parsedate_to_datetime(answer.headers["Retry-After"]) - datetime.now(UTC)
            assert timedelta(0) < wait <= timedelta(seconds=3)
        if kind == "token_expired":
            assert client.ask().status_code == 401, "the old token stays void"
            client.renew()
        assert len(client.ask().json()["data"]) == 5


def test_a_truncated_body() -> None:
    with serving(5, playing("body_truncated")) as server, pytest.raises(httpx.RemoteProtocolError):
        Client(server).ask()


def test_json_cut_in_a_body_of_the_right_length() -> None:
    with serving(5, playing("json_cut")) as server:
        answer = Client(server).ask()
        assert answer.status_code == 200
        assert int(answer.headers["Content-Length"]) == len(answer.content)
        with pytest.raises(ValueError):
            answer.json()


def test_a_login_page() -> None:
    with serving(5, playing("login_page")) as server:
        answer = Client(server).ask()
        assert answer.status_code == 200
        assert answer.headers["Content-Type"].startswith("text/html")
        assert "<form" in answer.text


def test_a_reset_connection() -> None:
    with serving(5, playing("reset")) as server, pytest.raises(httpx.ReadError):
        Client(server).ask()


def test_a_connection_that_never_answers_ends_after_its_time_and_with_the_server() -> None:
    with serving(5, playing("hang", hang_seconds=0.6)) as server:
        began = time.monotonic()
        with pytest.raises(httpx.RemoteProtocolError):
            Client(server).ask()
        assert 0.5 < time.monotonic() - began < 3
    with serving(5, playing("hang")) as server:
        with pytest.raises(httpx.ReadTimeout):
            Client(server, timeout=0.3).ask()
        began = time.monotonic()
        server.stop()
        assert time.monotonic() - began < 2


def test_a_short_page_is_not_the_end() -> None:
    with serving(12, playing("short_page")) as server:
        pages = list(Client(server).pages(limit=6))
        assert [len(p) for p in pages] == [2, 6, 4]


def test_an_empty_page_is_not_the_end() -> None:
    with serving(4, playing("empty_page")) as server:
        assert [len(p) for p in Client(server).pages(limit=4)] == [0, 4]


def test_a_page_served_twice_has_another_cursor() -> None:
    with serving(6, playing("page_twice")) as server:
        client = Client(server)
        first = client.page(limit=3)
        second = client.page(limit=3, cursor=first["next_cursor"])
        assert first["data"] == second["data"]
        assert first["next_cursor"] != second["next_cursor"]


def test_a_page_repeats_records_of_the_page_before() -> None:
    with serving(60, FaultPlan(rate=1.0, kinds=("page_overlap",), token_errors=0)) as server:
        pages = list(Client(server).pages(limit=20))
        assert pages[1][:2] == pages[0][-2:]
        assert max(len(p) for p in pages) <= 20
        assert {r["MaHoSo"] for p in pages for r in p} == {d["MaHoSo"] for d in dossiers(60)}


def test_a_fault_is_repeated_as_often_as_asked_and_no_more() -> None:
    with serving(5, playing("error_503", repeats=3)) as server:
        client = Client(server)
        assert [client.ask().status_code for _ in range(4)] == [503, 503, 503, 200]


def test_late_records_appear_after_the_first_complete_read() -> None:
    plan = FaultPlan(rate=0, token_errors=0, late_records=4)
    with OneStopServer(dossiers(100, seconds=60), "a", "b", faults=plan) as server:
        client = Client(server)
        first, second = client.everything(limit=7), client.everything(limit=7)
        assert len(first) == 96
        assert [r["MaHoSo"] for r in second] == [d["MaHoSo"] for d in dossiers(100)]
        late = {r["MaHoSo"]: r["NgayCapNhat"] for r in second if r not in first}
        newest = second[-1]["NgayCapNhat"]
        assert first[-1]["NgayCapNhat"] == newest
        an_hour = datetime.strptime(newest, "%Y%m%d%H%M%S") - timedelta(minutes=60)
        assert all(stamp >= an_hour.strftime("%Y%m%d%H%M%S") for stamp in late.values())


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_robust_client_gets_every_record_through_every_fault(seed: int) -> None:
    plan = FaultPlan(seed=seed, rate=0.6, hang_seconds=30, retry_after_seconds=0, repeats=2)
    with serving(600, plan) as server:
        client = Client(server, timeout=0.5)
        found = {r["MaHoSo"]: r for r in client.everything(limit=10)}
        assert list(found.values()) == dossiers(600)
        played = {o.removeprefix("fault:") for o in server.outcomes if o.startswith("fault:")}
        assert played == {*KINDS, "token_503"}


def test_the_same_seed_plays_the_same_faults() -> None:
    def outcomes(seed: int) -> list[tuple[str, int]]:
        plan = FaultPlan(seed=seed, rate=0.5, hangs=0, retry_after_seconds=0)
        with serving(200, plan) as server:
            client = Client(server)
            client.everything(limit=10)
            return [*sorted(server.outcomes.items()), *((f, i) for i, f in enumerate(client.failures))]

    assert outcomes(4) == outcomes(4)
    assert outcomes(4) != outcomes(5)


def test_a_plan_checks_itself() -> None:
    with pytest.raises(ValueError, match="no such fault: flood"):
        FaultPlan(kinds=("flood",))
    with pytest.raises(ValueError, match="rate"):
        FaultPlan(rate=1.5)
    with pytest.raises(ValueError, match="repeats"):
        FaultPlan(repeats=-1)
    assert set(SHAPES) | set(ERRORS) == set(KINDS)


def test_pages_of_a_thousand_are_served_fast() -> None:
    padding = "x" * 1100
    with OneStopServer(({**d, "TenTTHC": padding} for d in dossiers(3000)), "a", "b") as server:
        client = Client(server)
        client.renew()
        header = f"GET /v1/dossiers?updated_from={FROM}&updated_to={TO}&limit=1000 HTTP/1.1\r\nHost: x\r\n"
        request = f"{header}Authorization: Bearer {client.token}\r\n\r\n".encode()
        with socket.create_connection(("127.0.0.1", int(server.url.rpartition(":")[2]))) as raw:
            stream = raw.makefile("rb")
            began = time.process_time()
            for _ in range(50):
                raw.sendall(request)
                length = 0
                while (line := stream.readline()) != b"\r\n":
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.split(b":")[1])
                assert len(stream.read(length)) == length > 1_100_000
            # Processor time of server and reader together, so that a busy machine does not fail the test.
            assert time.process_time() - began < 2.0
