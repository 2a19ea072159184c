"""A feedback system over HTTP: contracts/feedback_api.yaml, on loopback, with its rate limit and its faults."""

from __future__ import annotations

import hmac
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import orjson

from onestop.sandbox.feedback_cases import LOCAL
from onestop.sandbox.feedback_faults import FeedbackFaultPlayer, FeedbackFaults
from onestop.sandbox.http_server import Listener, SandboxServer

PATH = "/api/feedback"
LARGEST_PAGE, DEFAULT_PAGE = 200, 100
STATUS_OF = {"error_500": 500, "error_502": 502, "error_503": 503}
HTML = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def moment_of(text: object) -> datetime | None:
    """An ISO 8601 time, local without an offset; None where it is none."""
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=LOCAL)


class CaseList:
    """The cases as the system shows them: one version of each, the last changed first. Safe for several threads."""

    def __init__(self, cases: Iterable[Mapping[str, Any]]) -> None:
        self._lock = threading.RLock()
        self._cases: dict[str, tuple[datetime, str, Mapping[str, Any]]] = {}
        self._nameless = 0
        self.commit(cases)

    def __len__(self) -> int:
        return len(self._cases)

    def commit(self, cases: Iterable[Mapping[str, Any]]) -> None:
        """Cases that are new, or replace what was there under their code."""
        with self._lock:
            for case in cases:
                code = str(case.get("MaPAKN") or "").strip()
                if not code:
                    self._nameless += 1
                    code = f"\0{self._nameless}"
                # A time of change that cannot be read sorts last, and only who asks for everything is given it.
                self._cases[code] = (moment_of(case.get("NgayCapNhat")) or _LONG_AGO, code, case)

    def withdraw(self, code: str) -> None:
        """A case is shown no more. Raises KeyError."""
        with self._lock:
            del self._cases[code]

    def since(self, moment: datetime) -> list[Mapping[str, Any]]:
        """The cases changed at or after a moment, the last changed first."""
        with self._lock:
            return [case for _, _, case in sorted((c for c in self._cases.values() if c[0] >= moment), reverse=True)]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "FeedbackSandbox/1"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 120

    @property
    def _owner(self) -> FeedbackServer:
        return cast("FeedbackServer", cast("Listener", self.server).owner)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is logged: an address can hold what nobody may read."""

    def do_GET(self) -> None:
        """A page of cases."""
        owner, parts = self._owner, urlsplit(self.path)
        if owner.stopping.is_set():
            self.close_connection = True  # a connection kept alive outlives the listener
        elif parts.path != PATH:
            self._error(404, "not found")
        elif not hmac.compare_digest(self.headers.get("X-API-Key", "").encode(), owner.api_key):
            self._error(401, "unknown API key")
        elif owner.too_fast():
            self._error(429, "at most 5 requests a second", headers={"Retry-After": "1"})
        else:
            try:
                since, page, size = _asked(parts.query)
            except ValueError as problem:
                self._error(400, str(problem))
                return
            fault = owner.faults.for_request(parts.query) if owner.faults else None
            if fault:
                self._fail(fault, since, page, size)
            else:
                self._answer(200, self._content(since, page, size), "page")
                owner.between(owner)

    def _content(self, since: datetime, page: int, size: int) -> bytes:
        cases = self._owner.cases.since(since)
        items = cases[(page - 1) * size : page * size]
        return orjson.dumps({"items": items, "page": page, "pages": -(-len(cases) // size)})

    def _fail(self, fault: str, since: datetime, page: int, size: int) -> None:
        owner, outcome = self._owner, f"fault:{fault}"
        plan = cast(FeedbackFaultPlayer, owner.faults).plan
        if fault == "error_body":
            self._answer(200, b'{"error": "he thong dang ban"}', outcome)
        elif fault == "too_many_seconds":
            self._error(429, "slow down", outcome, headers={"Retry-After": str(plan.retry_after_seconds)})
        elif fault == "too_many_date":
            # The date has whole seconds: rounded up, or it could lie in the past already.
            when = formatdate(int(time.time()) + 1 + plan.retry_after_seconds, usegmt=True)
            self._error(429, "slow down", outcome, headers={"Retry-After": when})
        elif fault in STATUS_OF:
            status = STATUS_OF[fault]
            self._answer(status, HTML.format(f"{status} Error").encode(), outcome, kind="text/html")
        elif fault == "login_page":
            self._answer(200, HTML.format("Đăng nhập").encode(), outcome, kind="text/html; charset=utf-8")
        elif fault == "other_page":
            self._answer(200, self._content(since, page + 1 if page == 1 else page - 1, size), outcome)
        elif fault == "reset":
            owner.count(outcome)
            # Lingering for zero seconds makes the kernel send RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.rfile.close()
            self.connection.close()
        elif fault == "hang":
            owner.count(outcome)
            owner.stopping.wait(plan.hang_seconds)
            self.close_connection = True
        else:
            body = self._content(since, page, size)
            self.close_connection = fault == "body_truncated"
            length = len(body) if fault == "body_truncated" else None
            self._answer(200, body[: len(body) // 2], outcome, length=length)

    def _error(self, status: int, text: str, outcome: str = "", *, headers: dict[str, str] | None = None) -> None:
        self._answer(status, orjson.dumps({"error": text}), outcome or str(status), headers=headers)

    def _answer(
        self,
        status: int,
        body: bytes,
        outcome: str,
        *,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
        length: int | None = None,
    ) -> None:
        self._owner.count(outcome)  # before it is sent: who has the answer must find it counted
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(body) if length is None else length),
            **(headers or {}),
            **({"Connection": "close"} if self.close_connection else {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _asked(query: str) -> tuple[datetime, int, int]:
    values = {name: found[-1] for name, found in parse_qs(query).items()}
    since = moment_of(values.get("changed_since"))
    if since is None:
        raise ValueError("changed_since is required: a date-time")
    page, size = values.get("page", "1"), values.get("page_size", str(DEFAULT_PAGE))
    if not (page.isascii() and page.isdigit() and 1 <= int(page) < 10**9):
        raise ValueError("page is a whole number from 1")
    if not (size.isascii() and size.isdigit() and 1 <= int(size) <= LARGEST_PAGE):
        raise ValueError(f"page_size is a whole number from 1 to {LARGEST_PAGE}")
    return since, int(page), int(size)


class FeedbackServer(SandboxServer):
    """A feedback system with the given cases; a context manager that starts and stops it.

    Args:
        cases: JSON objects of the contract; any order.
        api_key: the key that is let in.
        port: 0 chooses a free one.
        faults: what goes wrong; None: nothing.
        requests_per_second: the rate limit; 0: none.
        between: called after each page: what happens to the cases meanwhile.
    """

    def __init__(
        self,
        cases: Iterable[Mapping[str, Any]],
        api_key: str,
        port: int = 0,
        faults: FeedbackFaults | None = None,
        *,
        requests_per_second: int = 5,
        between: Callable[[FeedbackServer], None] = lambda server: None,
    ) -> None:
        super().__init__("the feedback sandbox", _Handler, port)
        self.cases = CaseList(cases)
        self.api_key = api_key.encode()
        self.faults = FeedbackFaultPlayer(faults) if faults else None
        self.between = between
        self._limit = requests_per_second
        self._taken: deque[float] = deque(maxlen=requests_per_second or 1)

    def too_fast(self) -> bool:
        """Whether one more request now is over the limit; it is noted if it is not."""
        with self._counting:
            now = time.monotonic()
            if self._limit and len(self._taken) == self._limit and now - self._taken[0] < 1.0:
                return True
            self._taken.append(now)
            return False
